"""Mistakes are one line with value and remedy, exit 2, and nothing looks like a result."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.commands import BASE, error_of, results
from conftest import ROOT, Bfpack, Corpus, Ran, run_process, run_python
from outputs import current, shard_rows


def process(*arguments: object) -> Ran:
    return run_python("from bfpack_spark.cli.main import main; main()", *arguments)


def test_a_process_ends_with_the_one_line_whatever_spark_says_before(
    demo_corpus: Corpus, tmp_path: Path
) -> None:
    """The second file lacks the column, which a worker is the first to see."""
    (tmp_path / "corpus").mkdir()
    for name, column in (("a", "text"), ("b", "body")):
        pq.write_table(pa.table({column: ["x"] * 3}), tmp_path / "corpus" / f"{name}.parquet")
    where = ("--input", tmp_path / "corpus", "--output", tmp_path / "output")
    cheap = ("--spark-conf", "spark.master=local[1]", "--spark-conf", "spark.driver.memory=1g")
    more = ("--tokenizer", demo_corpus.tokenizer, "--engine", "tokenizers", *BASE, *cheap)
    says = error_of(process("pack", *where, *more))
    assert says == "--text-column text: no such column in b.parquet; there are: body"
    assert results(tmp_path / "output") == []


def test_a_process_that_needs_no_spark_says_one_line_and_nothing_else(packed: Path) -> None:
    where = ("--output", packed, "--bucket", "small", "--seq-len", 2048)
    ran = process("show", *where, "--sequence", -1)
    rows = len(shard_rows(current(packed, "small", "sequences-2048")))
    assert error_of(ran) == f"--sequence -1: there are sequences 0 to {rows - 1}"
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_streams_works_and_exits_as_others(packed: Path, closed: str) -> None:
    """As some schedulers start it."""
    command = (sys.executable, "-m", "bfpack_spark", "path", "--output", packed)

    def ran(*more: object) -> Ran:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return run_process("sh", "-c", f'"$@" {closed}', "sh", *command, *more, env=environment)

    good, bad = ran("--seq-len", 2048), ran("--seq-len", 7)
    assert (good.code, bad.code) == (0, 2)
    assert good.out.endswith("/shards\n") or ">&-" in closed.split()
    assert bad.err.startswith("bfpack: error: ") or "2>&-" in closed


def test_a_pipe_that_nobody_reads_is_no_violation_and_no_fault(packed: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "bfpack_spark", "stats", "--output", str(packed), "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_page_is_all_that_is_said_where_fonts_cannot_be_kept(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "file" / "fonts"))
    ran = process("stats", "--output", packed, "--seq-len", 512, "--html")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("command", ["stats", "show", "path", "verify", "plan", "assemble"])
def test_an_output_that_is_not_there_is_a_mistake(
    command: str, bfpack: Bfpack, packed: Path, tmp_path: Path
) -> None:
    more = ("--sequence", 0) if command == "show" else ()
    for output in (tmp_path / "gone", packed):  # which holds another bucket
        says = error_of(bfpack(command, "--output", output, *BASE, *more))
        assert re.match(r"--bucket b: no .* published in .*; run bfpack pack first", says)
    assert not (tmp_path / "gone").exists()
    assert not (packed / "b").exists()


def test_an_argument_that_is_not_utf8_is_named_as_it_is_written(
    packed: Path, bfpack: Bfpack
) -> None:
    where = ("--output", packed, "--bucket", "small", "--seq-len", 512)
    assert error_of(bfpack("show", *where, "--doc", "a\udcff")).startswith("--doc a")
    said = error_of(bfpack("stats", "--output", "caf\udce9", "--seq-len", 8))
    assert said == "--output caf\\udce9: holds bytes that are not UTF-8; rename it"
    assert error_of(bfpack("snapshot", "--output", packed, "a\udcff")).startswith("NAME a")
    assert not (packed / "_snapshots").exists()


def test_a_length_or_version_that_is_not_there_is_a_mistake(packed: Path, bfpack: Bfpack) -> None:
    where = ("--output", packed, "--bucket", "small", "--seq-len")
    for command in ("path", "verify"):
        assert "no sequences of 77 published" in error_of(bfpack(command, *where, 77))
        assert "--version abc: not a version; it is 16 hex digits" in error_of(
            bfpack(command, *where, 512, "--version", "abc")
        )
    assert "--seq-len: 2 are given; give one of 512, 2048" in error_of(
        bfpack("path", *where, 512, "--seq-len", 2048)
    )
    assert "--seq-len 77: not planned with these options yet; run bfpack plan first" in error_of(
        bfpack("assemble", *where, 77)
    )
    assert not (packed / "small" / "sequences-77").exists()


def test_path_names_the_directories_that_readers_open(packed: Path, bfpack: Bfpack) -> None:
    where = ("path", "--output", packed, "--bucket", "small")
    version, store = (current(packed, "small", kind) for kind in ("sequences-512", "tokens"))
    found = [
        bfpack(*where, "--seq-len", 512).out,
        bfpack(*where, "--seq-len", 512, "--version", version.name).out,
        bfpack(*where, "--seq-len", 512, "--plan").out,
        bfpack(*where, "--tokens").out,
    ]
    shards = f"{version}/shards\n"
    assert found == [shards, shards, f"{version}/plan\n", f"{store}/documents\n"]


def ended_by(command: str) -> Ran:
    """A process whose one command is this statement."""
    script = (
        "import click\nfrom bfpack_spark.cli import main as shown\n\n\n@click.command()\n"
        f"def act():\n    {command}\n\n\nshown.bfpack = act\nshown.main([])\n"
    )
    return run_python(script)


def test_only_ctrl_c_is_said_to_be_an_interrupt() -> None:
    """A stream that ends is what is seen of a JVM that is gone."""
    stopped = ended_by("raise KeyboardInterrupt")
    assert (stopped.code, "interrupted; the same" in stopped.err) == (130, True)
    gone = ended_by("raise EOFError")
    assert (gone.code, "interrupted" in gone.err) == (5, False)


def test_a_mistake_is_one_line_where_sparks_packages_are_not() -> None:
    command = ["path", "--output", "nowhere", "--bucket", "b", "--seq-len", "8"]
    script = (
        "import sys\nsys.modules.update(dict.fromkeys(['py4j', 'pyspark']))\n"
        f"from bfpack_spark.cli.main import main\nmain({command})"
    )
    ran = run_python(script)
    assert ran.code == 2
    assert ran.err.startswith("bfpack: error: --bucket b: ")
    assert ran.err.count("\n") == 1


def test_a_package_that_cannot_be_loaded_is_no_violation(tmp_path: Path) -> None:
    (tmp_path / "cloup.py").write_text("raise ImportError('libstdc++.so.6: version not found')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = ("-m", "bfpack_spark", "verify", "--output", "nowhere")
    ran = run_process(sys.executable, *command, env=environment)
    line = "bfpack: error: a package cannot be loaded: libstdc++.so.6: version not found\n"
    assert (ran.code, ran.err) == (5, line)
