"""A column or directory of buckets that is not there: before Spark starts, a line says what is."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.commands import error_of
from conftest import Bfpack, Corpus

from bfpack_spark.cli import running

ROW = {"doc_id": "d", "lang": "de", "text": "some words"}


@pytest.fixture
def run(
    bfpack: Bfpack, demo_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """The line of `bfpack pack`, and that of `bfpack stats --sample`, by a column of buckets."""
    monkeypatch.setattr(running, "get_session", lambda settings: pytest.fail("Spark starts"))

    def error(column: str, *more: object) -> str:
        what = ("--input", tmp_path / "corpus", "--tokenizer", demo_corpus.tokenizer)
        how = ("--bucket-column", column, "--seq-len", 64, *more)
        packed = error_of(bfpack("pack", *what, *how, "--output", tmp_path / "output"))
        assert error_of(bfpack("stats", *what, *how, "--sample", 5)) == packed
        return packed

    return error


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_the_columns_are_named(kind: str, run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    if kind == "jsonl":
        (tmp_path / "corpus" / "a.jsonl").write_text(json.dumps(ROW) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "corpus" / "a.parquet")
    for more in ((), ("--bucket", "de")):
        assert run("tongue", *more) == (
            f"--bucket-column tongue: no such column in a.{kind}; there are: doc_id, lang, text"
        )


@pytest.mark.parametrize("ending", ["jsonl", "txt"])
def test_directories_are_named_too(ending: str, run: Callable[..., str], tmp_path: Path) -> None:
    for lang in ("de", "fr"):
        folder = tmp_path / "corpus" / f"tongue={lang}"
        folder.mkdir(parents=True)
        (folder / f"a.{ending}").write_text(json.dumps(ROW) + "\n")
    more = ("--input-format", "text") if ending == "txt" else ()
    assert run("lang2", *more).endswith("; there are directories tongue=...")


def test_a_bucket_of_a_pattern_or_directory_is_answered_with_those_there(
    bfpack: Bfpack, demo_corpus: Corpus, tmp_path: Path
) -> None:
    for lang in ("de", "fr"):
        folder = tmp_path / "corpus" / f"lang={lang}"
        folder.mkdir(parents=True)
        (folder / "a.jsonl").write_text(json.dumps(ROW) + "\n")
    what = ("--tokenizer", demo_corpus.tokenizer, "--bucket", "en", "--seq-len", 64, "--sample", 5)
    corpus = tmp_path / "corpus"
    (corpus / "plain").symlink_to(corpus / "lang=de")
    says = "; buckets there: de, fr"
    for how, there in (
        (("--input", corpus, "--bucket-column", "lang"), says),
        (("--input", corpus / "lang={bucket}"), says),
        (("--input", corpus / "{bucket}"), "; buckets there: lang=de, lang=fr, plain"),
    ):
        assert error_of(bfpack("stats", *how, *what)).endswith(there)
