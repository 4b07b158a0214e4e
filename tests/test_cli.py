"""Mistakes are one line with value and remedy, exit 2, and nothing looks like a result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus, Ran, pack_options
from outputs import current, documents_of, manifest, shard_hashes, shard_rows
from tokenizers import Tokenizer

Bfpack = Callable[..., Ran]
BASE = ("--bucket", "b", "--seq-len", 64)


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Callable[..., Ran]:
    """`bfpack pack` of rows in JSONL to tmp_path/output."""

    def pack(rows: list[dict[str, Any]], *more: object) -> Ran:
        folder = tmp_path / "corpus"
        if not folder.exists():
            write(folder, rows)
        where = ("--input", folder, "--output", tmp_path / "output")
        return bfpack("pack", *where, "--tokenizer", demo_corpus.tokenizer, *BASE, *more)

    return pack


GOOD = [{"doc_id": f"d{n}", "text": "some words " * n} for n in range(1, 40)]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--input", "nowhere"), "--input nowhere: no such file or directory"),
        (("--text-column", "body"), "--text-column body: no such column"),
        (("--id-column", "id"), "--id-column id: no such column"),
        (("--eos-token", "<gone>"), "--eos-token <gone>: not in the tokenizer's vocabulary"),
        (("--tokenizer", "nowhere"), "--tokenizer nowhere: no tokenizer.json there"),
        (("--seq-len", 0), "--seq-len: 0; must be 1 to 1048576"),
        (("--seq-len", 1_048_577), "must be 1 to 1048576"),
        (("--bucket", "../up"), "use letters, digits"),
        (("--num-shards", 2, "--rows-per-shard", 5), "exclude each other"),
        (("--num-shards", 10_000), "there are only"),
        (("--config", "nowhere.toml"), "no such file"),
        (("--engine", "slow"), "slow"),
    ],
)
def test_a_mistake_is_one_line_and_publishes_nothing(
    more: tuple[object, ...], says: str, run: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = run(GOOD, *more)
    assert ran.code == 2
    errors = [line for line in ran.err.splitlines() if line.startswith("bfpack: error: ")]
    assert len(errors) == 1
    assert says in errors[0]
    assert "Traceback" not in ran.err
    assert not list(tmp_path.glob("output/*/sequences-*/_current.json"))


def test_an_unknown_key_of_the_toml_is_named(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("seqlen = 3\n")
    ran = run(GOOD, "--config", tmp_path / "c.toml")
    assert (ran.code, "unknown key 'seqlen'" in ran.err) == (2, True)


def test_options_override_the_toml(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('num_shards = 1\nseed = 3\n[spark]\n"spark.sql.x" = true\n')
    assert run(GOOD, "--config", tmp_path / "c.toml", "--seed", 4).code == 0
    held = manifest(current(tmp_path / "output", "b", "sequences-64"))["inputs"]["configuration"]
    assert (held["seed"], held["num_shards"]) == (4, 1)


def test_an_output_that_belongs_to_something_else_is_left_alone(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "thesis.txt").write_text("mine")
    ran = run(GOOD)
    assert ran.code == 2
    assert "not empty, and holds no tokens/ or sequences-*" in ran.err
    assert [p.name for p in (tmp_path / "output").iterdir()] == ["thesis.txt"]


def test_two_documents_with_one_id_are_named(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run([*GOOD, GOOD[3], GOOD[5]], "--id-column", "doc_id")
    assert ran.code == 2
    assert "'d4' (2 times), 'd6' (2 times)" in ran.err
    assert not list(tmp_path.glob("output/**/_current.json"))
    assert not list(tmp_path.glob("output/**/_manifest.json"))


def test_empty_documents_are_left_out_and_bad_ones_quarantined_up_to_a_limit(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    odd = [{"text": ""}, {"text": None}, {"text": 5}, {"text": "x" * 900}]
    more = ("--max-document-bytes", 800)
    ran = run([*GOOD, *odd], *more)
    assert ran.code == 2
    assert "--max-quarantined 0.01" in ran.err
    assert not list(tmp_path.glob("output/**/_current.json"))
    (made,) = tmp_path.glob("output/b/tokens/*/_manifest.json")
    before = made.stat().st_mtime_ns
    assert run([], *more, "--max-quarantined", 0.5).code == 0
    assert made.stat().st_mtime_ns == before
    store = current(tmp_path / "output", "b", "tokens")
    account = manifest(store)["accounting"]
    assert account["documents_in"] == len(GOOD) + 4
    assert account["documents_empty"] == 1
    refused = {"null_text": 1, "not_text": 1, "too_large": 1}
    assert account["documents_quarantined"] == refused
    rows = pq.read_table(store / "quarantine").to_pylist()
    assert {row["reason"]: row["source"].partition("@")[0] for row in rows} == dict.fromkeys(
        refused, "a.jsonl"
    )
    packed = shard_rows(current(tmp_path / "output", "b", "sequences-64"))
    assert len(documents_of(packed)) == len(GOOD)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.binary()])
def test_text_and_its_tokens_give_the_same_shards(
    kind: pa.DataType, corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    eos = tokenizer.token_to_id("<|endoftext|>")
    names, texts = zip(*corpus.texts().items(), strict=True)
    ids = [one.ids for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    ids = [own + [eos] * (number % 2) for number, own in enumerate(ids)]  # EOS where missing
    column = ids if kind != pa.binary() else [np.array(i, dtype="<i4").tobytes() for i in ids]
    (tmp_path / "corpus").mkdir()
    table = pa.table({"doc_id": names, "ids": pa.array(column, kind)})
    pq.write_table(table, tmp_path / "corpus" / "a.parquet")
    options = pack_options(Corpus(tmp_path / "corpus", corpus.tokenizer), tmp_path / "output")
    ran = bfpack("pack", *options, "--tokens-column", "ids", "--seq-len", 512)
    assert ran.code == 0, ran.err
    made, expected = (current(o, "small", "sequences-512") for o in (tmp_path / "output", packed))
    assert shard_hashes(made) == shard_hashes(expected)


def test_ids_outside_the_vocabulary_are_quarantined(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    rows = [{"ids": [1, 2, 3]}, {"ids": [1, 10**6]}, {"ids": []}]
    ran = run(rows, "--tokens-column", "ids", "--max-quarantined", 0.5)
    assert ran.code == 0, ran.err
    account = manifest(current(tmp_path / "output", "b", "tokens"))["accounting"]
    assert account["documents_quarantined"] == {"invalid_tokens": 1}
    assert (account["documents"], account["documents_empty"], account["tokens"]) == (1, 1, 4)


def test_text_that_looks_like_a_control_token_stays_text(
    run: Callable[..., Ran], demo_corpus: Corpus, tmp_path: Path
) -> None:
    rows = [{"text": "a<|endoftext|>b <|pad|>"}, *GOOD]
    assert run(rows, "--bos-token", "<|pad|>").code == 0
    tokenizer = Tokenizer.from_file(str(demo_corpus.tokenizer / "tokenizer.json"))
    eos, bos = (tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|pad|>"))
    found = documents_of(shard_rows(current(tmp_path / "output", "b", "sequences-64")))
    ids = [found["a.jsonl@0"][n] for n in range(len(found["a.jsonl@0"]))]
    assert (ids[0], ids[-1], ids.count(eos), ids.count(bos)) == (bos, eos, 1, 1)
    assert tokenizer.decode(ids[1:-1]) == rows[0]["text"]


@pytest.mark.parametrize("command", ["stats", "show", "path", "verify"])
def test_an_output_that_is_not_there_is_a_mistake(
    command: str, bfpack: Bfpack, tmp_path: Path
) -> None:
    more = ("--sequence", 0) if command == "show" else ()
    ran = bfpack(command, "--output", tmp_path / "gone", *BASE, *more)
    assert ran.code == 2
    assert "run bfpack pack first" in ran.err


def test_show_draws_a_sequence_and_names_the_range(packed: Path, bfpack: Bfpack) -> None:
    where = ("show", "--output", packed, "--bucket", "small", "--seq-len", 2048, "--sequence")
    held = shard_rows(current(packed, "small", "sequences-2048"))
    for number in (0, len(held) - 1):
        found = json.loads(bfpack(*where, number, "--json").out)
        assert [s["length"] for s in found["segments"]] == held[number]["seq_lengths"]
        assert [s["doc_id"] for s in found["segments"]] == held[number]["doc_ids"]
    ran = bfpack(*where, len(held))
    assert (ran.code, f"0 to {len(held) - 1}" in ran.err) == (2, True)
