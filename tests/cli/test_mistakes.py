"""A user's mistake is one line, exit code 2, and nothing is published."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli.commands import GOOD, error_of, results
from conftest import Bfpack, Corpus, Run
from inputs import write_input
from tokenizers import Tokenizer

from bfpack_spark.cli import running
from bfpack_spark.config import Settings
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--input", "nowhere"), "--input nowhere: no such file or directory; check the path"),
        (("--input", "no*where"), "--input no*where: matches no file; check the pattern"),
        (("--text-column", "body"), "--text-column body: no such column in a.jsonl; there are: d"),
        (("--eos-token", "<gone>"), "--eos-token <gone>: not in the tokenizer's vocabulary"),
        (("--tokenizer", "nowhere"), "--tokenizer nowhere: no tokenizer.json there; give"),
        (("--seq-len", "many"), "'many' is not a valid integer"),
        (("--config", "nowhere.toml"), "--config nowhere.toml: no such file; give"),
        (("--spark-conf", "spark.x"), "--spark-conf spark.x: write KEY=VALUE"),
        (("--engine", "slow"), "'slow' is not one of"),
        (("--input-version", 3), "--input-version 3: only a table has versions; add"),
        (("--publish-plan",), "--publish-plan: goes with --publish-delta TABLE"),
        (
            ("--input-format", "delta"),
            "--input-format delta: this Spark session is without Delta; start it with --spark-conf "
            "spark.jars.packages=io.delta:delta-spark_4.2_2.13:4.4.0 --spark-conf spark.sql.ext",
        ),
        (("--publish-delta", "db.t"), "--publish-delta db.t: this Spark session is without Delta"),
        (("--seqlen", 8), "No such option"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    more: tuple[object, ...], says: str, run: Run, tmp_path: Path
) -> None:
    assert says in error_of(run(GOOD, *more))
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--num-shards", 10_000), r"--num-shards 10000: there are only \d+ sequences"),
        (("--long-documents", "drop"), "--long-documents drop: leaves no document at 64; raise"),
    ],
)
def test_a_mistake_about_sequences_publishes_none(
    more: tuple[object, ...], says: str, run: Run, tmp_path: Path
) -> None:
    assert re.match(says, error_of(run([{"text": "some words " * 100}], *more)))
    assert not [name for name in results(tmp_path / "output") if "sequences" in name]


@pytest.mark.parametrize(
    "given", ["{}", "{}/", "{}/tokenizer.json", "tokenizer.json", ".", "{}/mine.json", "mine.json"]
)
def test_the_config_beside_a_tokenizer_names_its_eos_however_it_is_given(
    given: str, demo_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = (demo_corpus.tokenizer / "tokenizer.json").read_bytes()
    assert Tokenizer.from_buffer(held).token_to_id("<|pad|>") == 1
    for name in ("tokenizer.json", "mine.json"):
        (tmp_path / name).write_bytes(held)
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|pad|>"}')
    monkeypatch.chdir(tmp_path)
    settings = Settings(tokenizer=given.format(tmp_path))
    assert read_vocabulary(settings).eos_id == 1
    settings = Settings(tokenizer=given.format(tmp_path), eos_token="<|endoftext|>")
    assert read_vocabulary(settings).eos_id == 0


def test_what_is_missing_is_asked_for(bfpack: Bfpack, demo_corpus: Corpus, tmp_path: Path) -> None:
    for command in ("pack", "tokenize", "plan", "assemble", "stats", "show", "path", "verify"):
        more = ("--sequence", 0) if command == "show" else ()
        assert " is missing: " in error_of(bfpack(command, *more))
    given = ["--seq-len", 64, "--output", tmp_path / "output"]
    values = {
        "input": write_input(tmp_path / "input" / "a.jsonl", GOOD),
        "tokenizer": demo_corpus.tokenizer,
        "bucket": "b",
    }
    for option, value in values.items():
        assert error_of(bfpack("pack", *given)).startswith(f"--{option} is missing: ")
        given += [f"--{option}", value]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--tokenizer", "gone"),
        ("--input", "gone"),
        ("--output", "corpus"),
        ("--text-column", "body"),
        ("--input", "corpus/{bucket}/*.jsonl"),
    ],
)
def test_a_mistake_that_needs_no_spark_is_found_before_it_starts(
    wrong: tuple[str, str],
    bfpack: Bfpack,
    demo_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "get_session", lambda settings: pytest.fail("Spark starts"))
    write_input(tmp_path / "corpus" / "a.jsonl", GOOD)
    given = {
        "--input": "corpus",
        "--output": "output",
        "--tokenizer": str(demo_corpus.tokenizer),
        "--bucket": "b",
    }
    given[wrong[0]] = wrong[1]
    options = [part for pair in given.items() for part in pair]
    assert error_of(bfpack("pack", *options, "--seq-len", 64))


def test_a_mistake_in_all_buckets_is_said_once_with_its_reason_last(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    for bucket in ("de", "fr"):
        write_input(tmp_path / bucket / "a.jsonl", GOOD)
    where = ("--input", tmp_path / "{bucket}", "--output", tmp_path / "output")
    said = error_of(bfpack("pack", *where, "--tokenizer", tmp_path / "gone", "--seq-len", 64))
    assert said.startswith(f"--tokenizer {tmp_path / 'gone'}: ")
    assert "buckets failed" not in said


def test_no_command_at_all_gets_the_list_of_them(bfpack: Bfpack) -> None:
    ran = bfpack()
    assert (ran.code, ran.out) == (2, "")
    assert all(f"  {name} " in ran.err for name in ("pack", "plan", "assemble", "verify", "show"))
    assert error_of(bfpack("pakc")).startswith("No such command")


@pytest.mark.parametrize("there", ["thesis.txt", "b/thesis.txt"])
def test_an_output_that_belongs_to_something_else_is_left_alone(
    there: str, run: Run, tmp_path: Path
) -> None:
    held = tmp_path / "output" / there
    held.parent.mkdir(parents=True)
    held.write_text("mine")
    says = error_of(run(GOOD))
    assert "not empty, and holds no tokens/ or sequences-*; name an empty one" in says
    assert [p for p in (tmp_path / "output").rglob("*") if p.is_file()] == [held]


def test_an_output_in_whose_way_something_is_names_it(run: Run, tmp_path: Path) -> None:
    output, above = tmp_path / "output", tmp_path / "output" / "x"
    output.write_text("mine")
    assert error_of(run(GOOD)) == f"--output {output}: is a file; name a directory"
    says = f"--output {above}: {output} is a file; name a directory"
    assert error_of(run(GOOD, "--output", above)) == says
    assert output.read_text() == "mine"
    output.unlink()
    output.symlink_to(tmp_path / "gone")
    assert error_of(run(GOOD)) == f"--output {output}: is a link to nothing; name a directory"
    assert output.is_symlink()
    says = f"--output {above}: {output} is a link to nothing; name a directory"
    assert error_of(run(GOOD, "--output", above)) == says


def test_two_documents_with_one_id_are_named(run: Run, tmp_path: Path) -> None:
    says = error_of(run([*GOOD, GOOD[3], GOOD[5]], "--id-column", "doc_id"))
    at = [sum(len(json.dumps(row)) + 1 for row in GOOD[:n]) for n in (3, 5, len(GOOD))]
    assert f"'d4' (2 times: a.jsonl@{at[0]}, a.jsonl@{at[2]}); 'd6' (2 times: a.jsonl@" in says
    assert says.count(f"a.jsonl@{at[1]}") == 1
    assert results(tmp_path / "output") == []
    (tmp_path / "corpus" / "b.jsonl").write_text('{"doc_id": "d1", "text": null}\n')
    more = ("--id-column", "doc_id", "--max-quarantined", 1)
    assert "'d1' (2 times: a.jsonl@0, b.jsonl@0)" in error_of(run([], *more))
    (tmp_path / "corpus" / "b.jsonl").unlink()
    assert run([]).code == 0  # without the option they are named by their place


@pytest.mark.parametrize(
    "rows", [[{"text": ""}, {"text": ""}], [b"", b" "], [{"text": None}, {"text": 5}]]
)
def test_a_corpus_without_a_text_is_a_mistake(rows: list[Any], run: Run, tmp_path: Path) -> None:
    assert "not one document with text in" in error_of(run(rows))
    assert results(tmp_path / "output") == []
