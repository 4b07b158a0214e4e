"""What the README files tell people to type is run, and what they list is there."""

import json
import re
import shlex
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli.test_options import command_of
from conftest import ROOT, Ran
from outputs import current, manifest
from readmes import anchors, block, blocks, files_in_tree, links, read, readmes, run

from bfpack_spark.config import Settings

LINE_MAX = 120
EXPLORE = "bfpack_spark/explore/README.md"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def printed(clone: Path) -> Ran:
    """What the commands of README.md print; their output lies in `clone`."""
    commands = block("README.md", "These commands are run", "sh")
    assert commands.count("bfpack ") >= 6
    return run(clone, commands)


@pytest.mark.timeout(600)  # nine commands, each with a start of its own
def test_the_commands_of_the_readme_run_as_printed(clone: Path, printed: Ran) -> None:
    assert "every invariant holds" in printed.out
    assert "60 documents equal their text tokenized anew" in printed.out
    assert "estimated from 50 documents" in printed.out
    assert (clone / ".demo" / "report.html").read_text().startswith("<!DOCTYPE html>")
    version = current(clone / ".demo" / "out", "code", "sequences-2048")
    num_read = manifest(version)["totals"]["sequences"] // 8 * 8
    lines = run(clone, block("README.md", "This command is run", "sh")).out.splitlines()
    assert lines[0] == "(1, 8192) (1, 8192) 8192"
    assert lines[-1] == f"{num_read} rows are read by all ranks together"


@pytest.mark.timeout(600)
def test_a_good_run_says_on_stderr_what_bfpack_says_and_no_more(printed: Ran) -> None:
    said = [json.loads(line)["level"] for line in printed.err.splitlines()]
    assert set(said) == {"info"}


@pytest.mark.timeout(600)
def test_the_commands_on_its_output_run_as_printed(clone: Path, printed: Ran) -> None:
    assert "seq_len" in run(clone, block(EXPLORE, "This command is run", "sh")).out
    assert (clone / ".demo" / "truncations.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(600)
def test_the_command_for_several_buckets_runs_as_printed(clone: Path) -> None:
    ran = run(clone, block("jobs/README.md", "This command is run by tests/test_readme", "sh"))
    assert [line.split(":")[0] for line in ran.out.splitlines()] == ["00000 2048", "00001 2048"]


@pytest.mark.timeout(600)
def test_the_query_on_the_plan_names_the_document_that_is_cut_most(
    clone: Path, printed: Ran
) -> None:
    plan = next(clone.glob(".demo/out/code/sequences-2048/*/plan"))
    fragments = Counter(pq.read_table(plan)["doc_id"].to_pylist())
    most = min(fragments, key=lambda doc_id: (-fragments[doc_id], doc_id))
    assert fragments[most] > 1
    rows = run(clone, block(EXPLORE, "This query is run", "sh")).out.split("├")[-1].splitlines()
    assert most[:10] in rows[1]
    assert f" {fragments[most]} " in rows[1]


def test_every_bfpack_command_has_a_name_and_options_that_exist() -> None:
    texts = [path.read_text(encoding="utf-8") for path in readmes()]
    scripts = [script for text in texts for script in blocks(text, "sh")]
    lines = "\n".join(scripts).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("bfpack ")]
    assert len(commands) >= 8
    for _, name, *arguments in commands:
        options = {flag for option in command_of(name).params for flag in option.opts}
        given = {word for word in arguments if word.startswith("--")}
        assert given
        assert given <= options, name


def test_the_table_of_options_lists_every_setting_and_its_default() -> None:
    text = read("conf/README.md")
    table = text[text.index("| option | default |") :].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| (.*?) \|", table, re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        flag = "spark-conf" if name == "spark" else name.replace("_", "-")
        none = field.default in (None, ()) or name == "spark"
        expected[flag] = "" if none else f"`{field.default}`"
    assert rows == expected


def test_the_tree_names_every_file_of_the_package() -> None:
    named = files_in_tree(block("bfpack_spark/README.md", "## The tree", ""))
    package = ROOT / "bfpack_spark"
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".properties")]
    expected = {path.relative_to(package).as_posix() for path in files}
    expected = {name for name in expected if not name.endswith("__init__.py")}
    assert len(expected) > 100
    assert set(named) == expected
    assert len(named) == len(expected)


def test_the_readme_names_every_room_of_the_package() -> None:
    named = re.findall(r"^\| `(\w+)/` \|", read("README.md"), re.MULTILINE)
    assert len(named) > 10
    rooms = [path.parent.name for path in (ROOT / "bfpack_spark").glob("*/__init__.py")]
    assert sorted(named) == sorted(rooms)


@pytest.mark.parametrize("folder", ["conf", "jobs", "scripts", "scripts/bench", "tests/faults"])
def test_the_readme_of_a_folder_names_every_file_in_it(folder: str) -> None:
    text = read(f"{folder}/README.md")
    names = {path.name for path in (ROOT / folder).iterdir() if path.is_file()}
    names -= {"README.md", "__init__.py"}
    assert len(names) > 5
    assert not {name for name in names if f"`{name}`" not in text}


def test_the_readme_of_the_tests_names_every_folder_of_them() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")} | {"data"}
    assert len(folders) > 10
    assert not {name for name in folders if f"`{name}/`" not in read("tests/README.md")}


@pytest.mark.parametrize("path", readmes(), ids=name_of)
def test_no_line_of_a_readme_is_too_long(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines
    assert not [line for line in lines if len(line) > LINE_MAX]


def test_the_readme_is_short() -> None:
    assert 50 < len(read("README.md").splitlines()) <= 150


def test_the_links_of_the_readmes_lead_somewhere() -> None:
    total = 0
    for path in readmes():
        for target, anchor in links(path.read_text(encoding="utf-8")):
            file = (path.parent / target).resolve() if target else path
            assert file.exists(), f"{path}: {target}"
            if anchor:
                assert anchor in anchors(file.read_text(encoding="utf-8")), f"{path}: {anchor}"
            total += 1
    assert total > 30


def test_every_readme_is_linked_to() -> None:
    """Save README.md itself, where reading begins."""
    targets = {
        (path.parent / target).resolve()
        for path in readmes()
        for target, _ in links(path.read_text(encoding="utf-8"))
    }
    assert not set(readmes()) - targets - {ROOT / "README.md"}
