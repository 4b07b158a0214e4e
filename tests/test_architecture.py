"""The rooms of the package: who may import whom, who may act, and who does without Spark."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT, run_python

PACKAGE = ROOT / "bfpack_spark"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# A room may import what is in rooms to its right, and in itself. A document's way runs from corpus
# to sequences, against the imports.
ROOMS = (
    *(
        "__main__",
        "notebooks",
        "cli",
        "pipeline",
        "report",
        "verifying",
        "explore",
        "exporting",
        "sequences",
        "plan",
        "tokens",
    ),
    *("buckets", "tables", "delta", "spark", "versions", "tokenizing", "corpus"),
    *("load_settings", "config", "column_settings"),
    *("reading", "files", "logs", "printable", "schema", "memory", "core", "errors"),
)
WITHOUT_SPARK = (
    "core",
    "files",
    "config",
    "load_settings",
    "corpus",
    "tokenizing",
    "versions",
    "reading",
)
# What only a process that trains can import.
OF_TRAINERS = {"reading/torch_batches.py"}
ACTIONS = {
    *("collect", "toArrow", "toPandas", "toLocalIterator", "count", "first", "head"),
    *("show", "persist", "foreach", "foreachPartition", "save", "saveAsTable", "insertInto"),
}
# Where Spark is made to work: the steps of the driver, and what looks at a result.
SPARK_FILES = PACKAGE / "spark" / "spark_files.py"
ACTING_ROOMS = {"verifying", "delta", "tables", "explore"}
ACTING_FILES = {
    "tokens/make_tokens.py",
    "tokens/frame_source.py",  # counts the rows of a frame, and takes a sample
    "plan/make_plan.py",
    "sequences/make_sequences.py",
    "exporting/make_export.py",
    "buckets/find_slices.py",  # which buckets a column tells
    "spark/messages.py",  # what workers tell the driver, of all these steps
    "spark/starting_workers.py",  # nothing: workers start with it
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    """bfpack_spark/core/rows.py -> core/rows.py"""
    return path.relative_to(PACKAGE).as_posix()


def importable() -> list[Path]:
    return [path for path in SOURCES if name_of(path) not in OF_TRAINERS]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def own_imports(path: Path) -> Iterator[list[str]]:
    """Of each import from the package, its parts behind the package's name."""
    for name in imports(path):
        package, *parts = name.split(".")
        if package == PACKAGE.name:
            yield parts


def imported_files(path: Path) -> Iterator[Path]:
    for parts in own_imports(path):
        for length in range(len(parts), 0, -1):
            place = PACKAGE.joinpath(*parts[:length])
            if place.with_suffix(".py").exists():
                yield place.with_suffix(".py")
                break
            if (place / "__init__.py").exists():
                yield place / "__init__.py"
                break


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return  # the next test
    allowed = set(ROOMS[ROOMS.index(room_of(path)) :])
    assert {parts[0] for parts in own_imports(path)} <= allowed


def test_importing_the_package_brings_nothing_until_pack_is_asked_for() -> None:
    source = (
        "import sys, bfpack_spark\n"
        "print([name for name in sys.modules if name.startswith(('bfpack_spark.', 'pyspark'))])\n"
        "from bfpack_spark import pack, verify\n"
        "print(pack.__module__, verify.__module__)\n"
    )
    ran = run_python(source)
    assert ran.out == "[]\nbfpack_spark.notebooks bfpack_spark.notebooks\n", ran.err


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {path: {other for other in imported_files(path) if other != path} for path in SOURCES}
    assert sum(map(len, graph.values())) > len(SOURCES)
    assert len(list(TopologicalSorter(graph).static_order())) == len(SOURCES)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nobody_takes_what_another_file_keeps_to_itself(path: Path) -> None:
    assert not [parts for parts in own_imports(path) if parts[-1].startswith("_")]


def test_core_uses_numpy_alone() -> None:
    files = sorted((PACKAGE / "core").glob("*.py"))
    outside = {name.split(".")[0] for path in files for name in imports(path)}
    outside -= set(sys.stdlib_module_names) | {PACKAGE.name}
    assert outside == {"numpy"}


def test_rooms_without_spark_do_without_it() -> None:
    """In a process that cannot import it."""
    files = [path for path in importable() if room_of(path) in WITHOUT_SPARK]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert len(names) > 50
    source = (
        "import importlib, sys\n"
        "sys.modules['pyspark'] = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(len(sys.argv) - 1)\n"
    )
    ran = run_python(source, *names)
    assert ran.out == f"{len(names)}\n", ran.err


def test_what_trainers_load_needs_no_spark_and_no_object_store() -> None:
    """Their environment has neither (conf/consumers.in)."""
    names = ("exporting.write_files", "tokens.token_store", "explore.plots", "reading")
    source = (
        "import importlib, sys\n"
        "sys.modules.update(dict.fromkeys(['pyspark', 'py4j', 'obstore']))\n"
        "for name in sys.argv[1:]: importlib.import_module(f'bfpack_spark.{name}')\n"
    )
    run_python(source, *names).succeeds()


def test_matplotlib_is_imported_only_to_draw() -> None:
    """It takes 0.4 s of CPU, and workers, `stats` and a run with nothing to do draw nothing."""
    users = {name_of(path) for path in SOURCES if any(map(is_matplotlib, imports(path)))}
    assert users == {
        "explore/drawing.py",
        "explore/plots.py",
        "explore/cut_plots.py",
        "report/svg.py",
    }
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in importable()]
    source = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print('matplotlib' in sys.modules)\n"
    )
    ran = run_python(source, *names)
    assert ran.out == "False\n", ran.err


def is_matplotlib(name: str) -> bool:
    return name.split(".")[0] == "matplotlib"


def test_only_steps_of_the_driver_make_spark_work() -> None:
    acting = {name_of(path) for path in SOURCES if ACTIONS & called_methods(path)}
    assert acting
    elsewhere = {name for name in acting if name.split("/")[0] not in ACTING_ROOMS}
    assert elsewhere <= ACTING_FILES


def test_spark_itself_reads_files_only_for_sql_and_for_delta() -> None:
    """Workers read all else, so a store needs no jars and a bare path is the machine's own."""
    users = {name_of(path) for path in SOURCES if SPARK_FILES in imported_files(path)}
    assert users == {"explore/tables.py", "delta/output.py"}
    frames = [path for path in SOURCES if re.search(r"\bspark\.read\b", path.read_text())]
    assert frames == [PACKAGE / "delta" / "input.py", SPARK_FILES]


def called_methods(path: Path) -> set[str]:
    """x.y(...), unless x is a module of functions, in a file that knows Spark."""
    if not any(name.startswith("pyspark") for name in imports(path)):
        return set()
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    attributes = [call.func for call in calls if isinstance(call.func, ast.Attribute)]
    modules = ("sf", "pc", "np", "pa")
    return {
        each.attr
        for each in attributes
        if not (isinstance(each.value, ast.Name) and each.value.id in modules)
    }


def functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def is_stage(path: Path) -> bool:
    """DataFrame in, DataFrame out, by a function that the file is named after."""
    named = [function for function in functions(path) if function.name == path.stem]
    return bool(named) and ast.unparse(named[0].returns or ast.Constant(None)) == "DataFrame"


def test_a_stage_is_one_function_of_frames_and_knows_no_other_stage() -> None:
    """What else is public in its file are its workers: rows or blocks in, rows or blocks out."""
    stages = [path for path in SOURCES if is_stage(path)]
    assert len(stages) >= 14
    for path in stages:
        public = [each for each in functions(path) if not each.name.startswith("_")]
        of_frames = [each.name for each in public if "DataFrame" in ast.unparse(each.args)]
        assert of_frames == [path.stem], path
        assert not set(imported_files(path)) & set(stages), path


def test_jobs_import_the_command_line_alone() -> None:
    jobs = sorted((ROOT / "jobs").glob("*.py"))
    assert jobs
    for path in jobs:
        assert set(imports(path)) == {"sys", "bfpack_spark.__main__.main"}
        assert len(path.read_text().splitlines()) < 10


def test_nothing_is_too_long_to_be_read() -> None:
    """Modules, functions, files of tests and their names."""
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 300, path
        for function in functions(path):
            assert (function.end_lineno or 0) - function.lineno < 60, function.name
    tests = list((ROOT / "tests").rglob("*.py"))
    assert len(tests) > 100
    for path in tests:
        assert len(path.read_text().splitlines()) <= 400, path
        assert not [each.name for each in functions(path) if len(each.name) >= 70], path
