"""Mistakes are one line with value and remedy, exit 2, and nothing looks like a result."""

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Corpus, Ran
from outputs import current, documents_of, manifest, read, shard_hashes, shard_rows
from pyspark.sql import DataFrame
from tokenizers import Tokenizer

from bfpack_spark.config import Settings
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.tokenizing import engines
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary
from bfpack_spark.tokens import make_tokens
from bfpack_spark.tokens import tokenize_text as stage

Bfpack = Callable[..., Ran]
Run = Callable[..., Ran]
BASE = ("--bucket", "b", "--seq-len", 64)
GOOD = [{"doc_id": f"d{n}", "text": "some words " * n} for n in range(1, 40)]


def write(folder: Path, rows: list[Any]) -> Path:
    folder.mkdir()
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    (folder / "a.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack pack` of rows in JSONL to tmp_path/output."""

    def pack(rows: list[Any], *more: object) -> Ran:
        folder = tmp_path / "corpus"
        if not folder.exists():
            write(folder, rows)
        where = ("--input", folder, "--output", tmp_path / "output")
        return bfpack("pack", *where, "--tokenizer", demo_corpus.tokenizer, *BASE, *more)

    return pack


def error_of(ran: Ran, code: int = 2) -> str:
    """The one line that says what was wrong: the last of stderr, and nothing on stdout."""
    assert (ran.code, ran.out) == (code, "")
    assert "Traceback" not in ran.err
    found = [line for line in ran.err.splitlines() if "bfpack: error:" in line]
    assert len(found) == 1
    assert ran.err.endswith(f"{found[0]}\n")
    assert found[0].startswith("bfpack: error: ")
    return found[0].removeprefix("bfpack: error: ")


def results(output: Path) -> list[str]:
    """What somebody could take for a result."""
    found = [*output.rglob("_manifest.json"), *output.rglob("_current.json")]
    return sorted(str(path.relative_to(output)) for path in found)


# Mistakes


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--input", "nowhere"), "--input nowhere: no such file or directory; check the path"),
        (("--input", "no*where"), "--input no*where: matches no file; check the pattern"),
        (("--text-column", "body"), "--text-column body: no such column in a.jsonl; there are: d"),
        (("--id-column", "id"), "--id-column id: no such column"),
        (("--tokens-column", "ids"), "--tokens-column ids: no such column"),
        (("--eos-token", "<gone>"), "--eos-token <gone>: not in the tokenizer's vocabulary"),
        (("--bos-token", "<gone>"), "--bos-token <gone>: not in the tokenizer's vocabulary"),
        (("--tokenizer", "nowhere"), "--tokenizer nowhere: no tokenizer.json there; give"),
        (("--seq-len", 0), "--seq-len: 0; must be 1 to 1048576"),
        (("--seq-len", 1_048_577), "--seq-len: 1048577; must be 1 to 1048576"),
        (("--seq-len", "many"), "'many' is not a valid integer"),
        (("--bucket", "x" * 300), "its folder's name would have 300 characters"),
        (("--num-shards", 2, "--rows-per-shard", 5), "exclude each other: give one of them"),
        (("--config", "nowhere.toml"), "--config nowhere.toml: no such file; give"),
        (("--spark-conf", "spark.x"), "--spark-conf spark.x: write KEY=VALUE"),
        (("--engine", "slow"), "'slow' is not one of"),
        (("--input-version", 3), "--input-version 3: only a Delta table has versions; add"),
        (("--publish-plan",), "--publish-plan: goes with --publish-delta TABLE"),
        (
            ("--input", "nowhere", "--input-format", "delta"),
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
        (("--pad-token", "<gone>"), "--pad-token <gone>: not in the tokenizer's vocabulary"),
    ],
)
def test_a_mistake_about_sequences_publishes_none(
    more: tuple[object, ...], says: str, run: Run, tmp_path: Path
) -> None:
    assert re.match(says, error_of(run([{"text": "some words " * 100}], *more)))
    assert not [name for name in results(tmp_path / "output") if "sequences" in name]


def test_a_type_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    table = pa.table({"text": [1, 2], "doc_id": [0.5, 1.5], "ids": ["1", "2"], "t": ["a", "b"]})
    pq.write_table(table, tmp_path / "corpus" / "a.parquet")
    wrong = {
        (): "--text-column text: has type int64 in a.parquet, wanted strings",
        ("--tokens-column", "ids"): "--tokens-column ids: has type string in a.parquet",
        ("--text-column", "t", "--id-column", "doc_id"): "--id-column doc_id: has type double",
    }
    for more, says in wrong.items():
        assert says in error_of(run([], *more))
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"model": {"type": "BPE", "vocab": {"</s>": 0}, "merges": [["a"]]}}'),
        ("tokenizer_config.json", '{"eos_token": '),
        ("tokenizer_config.json", '["</s>"]'),
    ],
)
def test_a_tokenizer_that_cannot_be_loaded_is_a_mistake(
    file: str, text: str, run: Run, demo_corpus: Corpus, tmp_path: Path
) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    whole = (demo_corpus.tokenizer / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").write_bytes(whole)
    (folder / file).write_text(text)
    for engine in ("auto", "tokenizers"):
        says = error_of(run(GOOD, "--tokenizer", folder, "--engine", engine))
        assert says.startswith("--tokenizer")
        assert results(tmp_path / "output") == []


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


@pytest.mark.parametrize("toml", ["seqlen = 3\n", "spark = 3\n"])
def test_a_mistake_in_the_toml_is_named(toml: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(toml)
    assert toml.split()[0] in error_of(run(GOOD, "--config", tmp_path / "c.toml"))
    assert not (tmp_path / "output").exists()


def test_options_override_the_toml(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('num_shards = 1\nseed = 3\n[spark]\n"spark.sql.x" = true\n')
    assert run(GOOD, "--config", tmp_path / "c.toml", "--seed", 4).code == 0
    held = manifest(current(tmp_path / "output", "b", "sequences-64"))["inputs"]["configuration"]
    assert (held["seed"], held["num_shards"]) == (4, 1)


def test_what_is_missing_is_asked_for(bfpack: Bfpack, tmp_path: Path) -> None:
    for command in ("pack", "tokenize", "plan", "assemble", "stats", "show", "path", "verify"):
        more = ("--sequence", 0) if command == "show" else ()
        assert " is missing: " in error_of(bfpack(command, *more))
    given = ["--seq-len", 64, "--output", tmp_path / "output"]
    for option in ("bucket", "input", "tokenizer"):
        assert error_of(bfpack("pack", *given)).startswith(f"--{option} is missing: ")
        given += [f"--{option}", {"input": write(tmp_path / option, GOOD)}.get(option, "x")]


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


def test_an_output_that_is_a_file_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "output").write_text("mine")
    assert "is a file; name a directory" in error_of(run(GOOD))
    assert (tmp_path / "output").read_text() == "mine"


# Documents


def test_two_documents_with_one_id_are_named(run: Run, tmp_path: Path) -> None:
    says = error_of(run([*GOOD, GOOD[3], GOOD[5]], "--id-column", "doc_id"))
    assert "'d4' (2 times), 'd6' (2 times); make ids unique" in says
    assert results(tmp_path / "output") == []
    (tmp_path / "corpus" / "b.jsonl").write_text('{"doc_id": "d1", "text": null}\n')
    more = ("--id-column", "doc_id", "--max-quarantined", 1)
    assert "'d1' (2 times)" in error_of(run([], *more))
    (tmp_path / "corpus" / "b.jsonl").unlink()
    assert run([]).code == 0  # without the option they are named by their place


@pytest.mark.parametrize(
    "rows", [[{"text": ""}, {"text": ""}], [b"", b" "], [{"text": None}, {"text": 5}]]
)
def test_a_corpus_without_a_text_is_a_mistake(rows: list[Any], run: Run, tmp_path: Path) -> None:
    assert "not one document with text in" in error_of(run(rows))
    assert results(tmp_path / "output") == []


def test_empty_documents_are_left_out_and_bad_ones_quarantined_up_to_a_limit(
    run: Run, tmp_path: Path
) -> None:
    odd = {
        b'{"doc_id": "e", "text": ""}': ("e", "empty"),
        b'{"doc_id": "n", "text": null}': ("n", "null_text"),
        b'{"doc_id": "x", "text": 5}': ("x", "not_text"),
        b'{"doc_id": "l", "text": "%s"}' % (b"x" * 900): ("l", "too_large"),
        b'{"doc_id": "u", "text": "\xff"}': ("u", "invalid_utf8"),
        b'{"doc_id": "s", "text": "\\ud800"}': ("s", "lone_surrogate"),
        b'{"doc_id": "b", "te': (None, "broken_line"),
        b'{"doc_id": "c", "text": "a <|pad|>"}': ("c", "control_token"),
    }
    more = ("--max-document-bytes", 800, "--id-column", "doc_id", "--control-tokens", "quarantine")
    says = error_of(run([*GOOD, *odd], *more))
    assert says.startswith("--max-quarantined 0.01: 14.89% of the documents are in quarantine (1 b")
    assert "mend the input or raise the limit" in says
    (made,) = results(tmp_path / "output")  # the tokens' manifest stands, nothing is published
    assert re.fullmatch(r"b/tokens/[0-9a-f]{16}/_manifest\.json", made)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*.parquet")}
    assert len(before) >= 2
    assert run([], *more, "--max-quarantined", 7 / 47).code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    store = current(tmp_path / "output", "b", "tokens")
    account = manifest(store)["accounting"]
    refused = {reason: doc_id for doc_id, reason in odd.values() if reason != "empty"}
    assert account["documents_quarantined"] == dict.fromkeys(refused, 1)
    assert account["documents_in"] == len(GOOD) + 8
    assert (account["documents"], account["documents_empty"]) == (len(GOOD), 1)
    rows = read(store / "quarantine")
    assert {row["reason"]: row["doc_id"] for row in rows} == refused
    lines = (tmp_path / "corpus" / "a.jsonl").read_bytes()
    for row in rows:
        name, _, place = row["source"].partition("@")
        line = lines[int(place) :].partition(b"\n")[0]
        assert (name, odd[line]) == ("a.jsonl", (row["doc_id"], row["reason"]))
        assert row["detail"]
    packed = shard_rows(current(tmp_path / "output", "b", "sequences-64"))
    assert sorted(documents_of(packed)) == sorted(str(row["doc_id"]) for row in GOOD)


def test_the_share_in_quarantine_may_be_the_limit_and_not_more(run: Run, tmp_path: Path) -> None:
    rows = [*GOOD[:3], {"text": None}]
    assert "25.00% of the documents" in error_of(run(rows, "--max-quarantined", 0.2499))
    assert run([], "--max-quarantined", 0.25).code == 0


@pytest.fixture(scope="module")
def text_and_ids(
    corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[int]], list[tuple[str, str]], Path]:
    """40 documents' ids by the library, EOS put to every second; their packed shards."""
    tokenizer = Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    eos = tokenizer.token_to_id("<|endoftext|>")
    texts = dict(sorted(corpus.texts().items(), key=lambda item: len(item[1]))[100:140])
    ids = {
        name: tokenizer.encode(text).ids + [eos] * (number % 2)
        for number, (name, text) in enumerate(texts.items())
    }
    folder = tmp_path_factory.mktemp("text")
    write(folder / "corpus", [{"doc_id": n, "text": text} for n, text in texts.items()])
    where = ("--input", folder / "corpus", "--output", folder / "output", "--id-column", "doc_id")
    ran = bfpack("pack", *where, "--tokenizer", corpus.tokenizer, *BASE)
    assert ran.code == 0, ran.err
    made = shard_hashes(current(folder / "output", "b", "sequences-64"))
    assert len(made) > 1
    return ids, made, corpus.tokenizer


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int32()), pa.list_(pa.int64()), pa.binary(), None], ids=str
)
def test_text_and_its_tokens_give_the_same_shards(
    kind: pa.DataType | None,
    text_and_ids: tuple[dict[str, list[int]], list[tuple[str, str]], Path],
    bfpack: Bfpack,
    tmp_path: Path,
) -> None:
    ids, expected, tokenizer = text_and_ids
    if kind is None:
        write(tmp_path / "corpus", [{"doc_id": n, "ids": own} for n, own in ids.items()])
    else:
        lists = list(ids.values())
        raw = [np.array(own, dtype="<i4").tobytes() for own in lists]
        column = pa.array(raw if kind == pa.binary() else lists, kind)
        (tmp_path / "corpus").mkdir()
        table = pa.table({"doc_id": list(ids), "ids": column})
        pq.write_table(table, tmp_path / "corpus" / "a.parquet")
    where = ("--input", tmp_path / "corpus", "--output", tmp_path / "output")
    columns = ("--id-column", "doc_id", "--tokens-column", "ids")
    ran = bfpack("pack", *where, "--tokenizer", tokenizer, *columns, *BASE)
    assert ran.code == 0, ran.err
    assert shard_hashes(current(tmp_path / "output", "b", "sequences-64")) == expected


def test_ids_outside_the_vocabulary_are_quarantined(run: Run, tmp_path: Path) -> None:
    rows = [{"ids": [1, 2, 3]}, {"ids": [1, 10**6]}, {"ids": []}]
    more = ("--tokens-column", "ids")
    assert "(1 invalid_tokens from a.jsonl@19 on)" in error_of(run(rows, *more))
    ran = run([], *more, "--max-quarantined", 0.5)
    assert ran.code == 0, ran.err
    account = manifest(current(tmp_path / "output", "b", "tokens"))["accounting"]
    assert account["documents_quarantined"] == {"invalid_tokens": 1}
    assert (account["documents"], account["documents_empty"], account["tokens"]) == (1, 1, 4)


@pytest.mark.parametrize("engine", ["fastokens", "tokenizers"])
def test_text_that_looks_like_a_control_token_stays_text(
    engine: str, run: Run, demo_corpus: Corpus, tmp_path: Path
) -> None:
    rows = [{"text": "a<|endoftext|>b <|pad|>"}, *GOOD]
    assert run(rows, "--bos-token", "<|pad|>", "--engine", engine).code == 0
    tokenizer = Tokenizer.from_file(str(demo_corpus.tokenizer / "tokenizer.json"))
    eos, bos = (tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|pad|>"))
    found = documents_of(shard_rows(current(tmp_path / "output", "b", "sequences-64")))
    assert len(found) == len(rows)
    for own in found.values():
        ids = [own[place] for place in range(len(own))]
        assert (ids[0], ids[-1], ids.count(eos), ids.count(bos)) == (bos, eos, 1, 1)
    first = [found["a.jsonl@0"][place] for place in range(len(found["a.jsonl@0"]))]
    assert tokenizer.decode(first[1:-1]) == rows[0]["text"]


# The job itself fails


def test_engines_that_disagree_in_the_job_fail_it_and_publish_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the driver they agree; in the workers the fast one is wrong about one document."""

    def faulty(splits: DataFrame, spec: stage.TokenizeSpec, write: Any) -> DataFrame:
        right = functools.partial(stage._tokenize_and_write, spec=spec, write=write)

        def worker(batches: Any) -> Any:
            encode = engines._Fastokens.encode

            def wrong(self: Any, texts: list[str]) -> Any:
                ids, lengths = encode(self, texts)
                return ids + np.repeat([t.count(" ") == 14 for t in texts], lengths), lengths

            engines._Fastokens.encode = wrong  # type: ignore[method-assign]
            try:
                yield from right(batches)
            finally:  # the worker is used again
                engines._Fastokens.encode = encode  # type: ignore[method-assign]

        return splits.mapInArrow(worker, spark_ddl(MESSAGES))

    options = ("--id-column", "doc_id", "--engine", "fastokens")
    with monkeypatch.context() as patch:
        patch.setattr(make_tokens, "tokenize_text", faulty)
        says = error_of(run(GOOD, *options, "--audit-share", 1.0), 5)
    place = sum(len(json.dumps(row)) + 1 for row in GOOD[:6])
    assert says.startswith(f"document d7 (a.jsonl@{place}): fastokens and tokenizers disagree at ")
    assert says.endswith("; use --engine tokenizers")
    assert results(tmp_path / "output") == []
    assert run([], *options, "--audit-share", 1.0).code == 0  # mended, it goes on in place
    version = current(tmp_path / "output", "b", "tokens")
    assert len(list((version / "documents").iterdir())) == len(manifest(version)["files"]) > 0


def test_an_engine_that_cannot_do_it_is_not_a_mistake_of_the_input(
    run: Run, demo_corpus: Corpus, tmp_path: Path
) -> None:
    tree = json.loads((demo_corpus.tokenizer / "tokenizer.json").read_bytes())
    tree["pre_tokenizer"] = {"type": "Whitespace"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree))
    more = ("--tokenizer", tmp_path / "tokenizer.json", "--engine")
    says = error_of(run(GOOD, *more, "fastokens"), 5)
    assert says.startswith("--engine fastokens: fastokens cannot load it: ")
    assert results(tmp_path / "output") == []
    assert run([], *more, "auto").code == 0


# A process of its own


def process(*arguments: object) -> Ran:
    command = [sys.executable, "-c", "from bfpack_spark.cli.main import main; main()"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


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


# What is there, and what is not


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


def test_a_length_or_version_that_is_not_there_is_a_mistake(packed: Path, bfpack: Bfpack) -> None:
    where = ("--output", packed, "--bucket", "small", "--seq-len")
    for command in ("path", "verify"):
        assert "no sequences of 77 published" in error_of(bfpack(command, *where, 77))
        assert "--version abc: not a version; it is 16 hex digits" in error_of(
            bfpack(command, *where, 512, "--version", "abc")
        )
    assert "--seq-len: give one, not 2" in error_of(bfpack("path", *where, 512, "--seq-len", 2048))
    assert "--seq-len 77: not planned yet; run bfpack plan first" in error_of(
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


def test_show_draws_a_sequence_and_names_the_range(packed: Path, bfpack: Bfpack) -> None:
    where = ("show", "--output", packed, "--bucket", "small", "--seq-len", 2048, "--sequence")
    held = shard_rows(current(packed, "small", "sequences-2048"))
    for number in (0, len(held) - 1):
        found = json.loads(bfpack(*where, number, "--json").out)
        assert [s["length"] for s in found["segments"]] == held[number]["seq_lengths"]
        assert [s["doc_id"] for s in found["segments"]] == held[number]["doc_ids"]
    for number in (len(held), -1):
        says = error_of(bfpack(*where, number))
        assert says == f"--sequence {number}: there are sequences 0 to {len(held) - 1}"
