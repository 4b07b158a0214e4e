"""Who may import whom, and who may act: DESIGN's layers, read from the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "bfpack_spark"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# A layer may import those to its right, itself where it is a folder, and what is in BASE.
LAYERS = ("jobs", "cli", "pipeline", "explore", "stages", "storage", "tokenizing", "core")
ROOMS = {
    "class_archive": "cli",
    "cli": "cli",
    "cli_draw": "cli",
    "cli_options": "cli",
    "cli_print": "cli",
    "cli_report": "cli",
    "cli_stats": "cli",
    "cli_versions": "cli",
    "pipeline": "pipeline",
    "making": "pipeline",
    "verifying": "pipeline",
    "report": "pipeline",
    "buckets": "pipeline",
    "failures": "pipeline",
    "logs": "pipeline",
    "costs": "pipeline",
    "progress": "pipeline",
    "spark_conf": "pipeline",
    "spark_failures": "pipeline",
    "disk_space": "pipeline",
    "private_folder": "pipeline",
    "private_session": "pipeline",
    "start_checks": "pipeline",
    "worker_daemon": "pipeline",
    "session": "pipeline",
}
BASE = {"addresses", "bucket_names", "errors", "outside", "schema", "config", "memory", "printable"}
ACTIONS = {"collect", "toArrow", "toPandas", "count", "first", "head", "show", "persist", "write"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(parts: tuple[str, ...]) -> str:
    return ROOMS.get(parts[0], parts[0])


def own_room(path: Path) -> str:
    return room(path.relative_to(PACKAGE).with_suffix("").parts)


def imported_rooms(path: Path) -> set[str]:
    names = (name.split(".") for name in imports(path))
    return {room(tuple(parts[1:])) for parts in names if parts[0] == PACKAGE.name and parts[1:]}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    layer = own_room(path)
    if layer in BASE or layer == "__init__":
        allowed = {"addresses", "bucket_names", "errors", "outside"}
    else:
        allowed = BASE | {layer} | set(LAYERS[LAYERS.index(layer) + 1 :])
    assert imported_rooms(path) <= allowed


def test_the_package_itself_imports_nothing() -> None:
    assert not list(imports(PACKAGE / "__init__.py"))


def test_core_uses_numpy_alone() -> None:
    files = sorted((PACKAGE / "core").glob("*.py"))
    outside = {name.split(".")[0] for path in files for name in imports(path)}
    outside -= set(sys.stdlib_module_names) | {PACKAGE.name}
    assert outside == {"numpy"}


def test_only_pictures_need_matplotlib_and_only_who_wants_them_imports_them() -> None:
    for path in SOURCES:
        names = list(imports(path))
        plotting = [
            n for n in names if n.startswith(("matplotlib", f"{PACKAGE.name}.explore.plots"))
        ]
        assert not plotting or path.name == "plots.py", path


def test_stages_do_not_know_each_other() -> None:
    files = sorted((PACKAGE / "stages").glob("*.py"))
    assert len(files) >= 7
    for path in files:
        others = {name for name in imports(path) if name.startswith(f"{PACKAGE.name}.stages")}
        assert not others, path.name


def test_stages_cause_no_action_and_have_one_public_function() -> None:
    for path in sorted((PACKAGE / "stages").glob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [n.func.attr for n in ast.walk(tree) if is_method_call(n)]
        assert not ACTIONS & set(calls), path.name
        functions = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
        public = [name for name in functions if not name.startswith("_")]
        assert public == [path.stem], path.name


def is_method_call(node: ast.AST) -> bool:
    """x.y(...), unless x is a module of functions."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = node.func.value
    return not (isinstance(owner, ast.Name) and owner.id in ("sf", "pc", "np", "pa"))


def test_stages_reach_files_only_through_storage() -> None:
    forbidden = {"pathlib", "os", "shutil", "pyarrow.parquet", "pyarrow.fs", "open"}
    for path in sorted((PACKAGE / "stages").glob("*.py")):
        names = set(imports(path)) | {name.rpartition(".")[0] for name in imports(path)}
        assert not names & forbidden, path.name
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "open"]


def test_jobs_import_the_command_line_alone() -> None:
    jobs = sorted((ROOT / "jobs").glob("*.py"))
    assert jobs
    for path in jobs:
        assert set(imports(path)) == {"sys", "bfpack_spark.cli.main"}
        assert len(path.read_text().splitlines()) < 10
