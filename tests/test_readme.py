"""What the README tells people to type is run, and what it lists is there."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Corpus

from bfpack_spark.config import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(after: str, language: str) -> str:
    """The first fenced block of a language behind a heading or comment."""
    found = re.search(rf"```{language}\n(.*?)```", README[README.index(after) :], re.DOTALL)
    assert found, after
    return found.group(1)


@pytest.fixture(scope="module")
def ground(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `corpus`, `tokenizer`, `read_batches.py` and a `bfpack` on its PATH."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "corpus").mkdir()
    table = pq.read_table(corpus.path).slice(0, 60)
    pq.write_table(table, folder / "corpus" / "part-0.parquet")
    (folder / "tokenizer").symlink_to(corpus.tokenizer)
    (folder / "read_batches.py").write_text(block("<!-- read_batches.py", "python"))
    (folder / "look.py").write_text(block("<!-- look.py", "python"))
    command = folder / "bin" / "bfpack"
    command.parent.mkdir()
    main = "from bfpack_spark.cli.main import main; main()"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{main}" "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


@pytest.mark.timeout(600)  # ten commands, each with a start of its own
def test_the_commands_of_the_readme_run_as_printed(ground: Path) -> None:
    commands = block("These commands are run", "sh")
    assert commands.count("bfpack ") >= 6
    path = f"{ground / 'bin'}{os.pathsep}{os.environ['PATH']}"
    site = os.pathsep.join([str(ROOT), *(p for p in sys.path if "site-packages" in p)])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        capture_output=True,
        text=True,
        check=False,
        cwd=ground,
        env={**os.environ, "PATH": path, "PYTHONPATH": site},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "every invariant holds" in done.stdout
    assert "60 documents equal their text tokenized anew" in done.stdout
    assert "'input_ids': (8, 2048)" in done.stdout
    assert "estimated from 50 documents" in done.stdout
    assert (ground / "truncations.png").read_bytes().startswith(b"\x89PNG")


def test_the_collate_function_masks_padding_and_first_tokens(packed: Path) -> None:
    names: dict[str, object] = {}
    source = block("<!-- read_batches.py", "python").partition("columns = ")[0]
    exec(compile(source, "README.md", "exec"), names)  # our own text, not data from outside
    shards = next(packed.glob("small/sequences-2048/*/shards"))
    last = max(shards.glob("*.parquet"))
    rows = pq.read_table(last)
    got = names["collate"](rows)  # type: ignore[operator]
    masked = seen = 0
    for number, row in enumerate(rows.to_pylist()):
        expected = list(row["input_ids"])
        positions = []
        for length in row["seq_lengths"]:
            expected[len(positions)] = -100
            positions += range(length)
        expected[row["num_tokens"] :] = [-100] * row["num_padding"]
        assert got["labels"][number].tolist() == expected
        assert got["position_ids"][number].tolist() == positions
        masked += expected.count(-100)
        seen += len(row["seq_lengths"])
    assert masked >= seen > len(rows) > 0
    assert got["cu_seqlens"][-1] == got["input_ids"].size
    assert np.diff(got["cu_seqlens"]).sum() == len(rows) * 2048


def test_the_table_of_options_lists_every_setting_and_its_default() -> None:
    table = README[README.index("| option | default |") :].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| (.*?) \|", table, re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        flag = "spark-conf" if name == "spark" else name.replace("_", "-")
        none = field.default in (None, ()) or name == "spark"
        expected[flag] = "" if none else f"`{field.default}`"
    assert rows == expected


def test_the_tree_names_every_file_of_the_package() -> None:
    tree = block("## The tree", "")
    files = [p for p in (ROOT / "bfpack_spark").rglob("*") if p.suffix in (".py", ".properties")]
    assert len(files) > 30
    missing = [p.name for p in files if p.name != "__init__.py" and p.name not in tree]
    assert not missing
    named = re.findall(r"^\s*([\w./-]+\.(?:py|toml|lock|properties|sh))\s", tree, re.MULTILINE)
    assert len(named) > 30
    folders = ("bfpack_spark", "conf", "jobs", "scripts", "tests")
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*")}
    assert {Path(name).name for name in named} <= there
