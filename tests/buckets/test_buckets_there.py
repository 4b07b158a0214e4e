"""A column or directory of buckets that is not there: before Spark starts, a line says what is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.commands import error_of
from conftest import Bfpack, Corpus
from inputs import write_input

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
    write_input(tmp_path / "corpus" / f"a.{kind}", [ROW])
    for more in ((), ("--bucket", "de")):
        assert run("tongue", *more) == (
            f"--bucket-column tongue: no such column in a.{kind}; there are: doc_id, lang, text"
        )


@pytest.mark.parametrize("ending", ["jsonl", "txt"])
def test_directories_are_named_too(ending: str, run: Callable[..., str], tmp_path: Path) -> None:
    for lang in ("de", "fr"):
        write_input(tmp_path / "corpus" / f"tongue={lang}" / f"a.{ending}", [ROW])
    more = ("--input-format", "text") if ending == "txt" else ()
    assert run("lang2", *more).endswith("; there are directories tongue=...")


def test_a_bucket_of_a_pattern_or_directory_is_answered_with_those_there(
    bfpack: Bfpack, demo_corpus: Corpus, tmp_path: Path
) -> None:
    for lang in ("de", "fr"):
        write_input(tmp_path / "corpus" / f"lang={lang}" / "a.jsonl", [ROW])
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
