"""Several buckets in one run, each on its own: which they are, what of the input is theirs, and
what becomes of the others when one fails."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus, Ran, Run
from inputs import write_input
from outputs import current, documents_of, manifest, read, shard_hashes, shard_rows
from pyspark.sql import SparkSession

from bfpack_spark import pipeline
from bfpack_spark.buckets.find_slices import find_slices
from bfpack_spark.files.locks import Lock, hold_bucket
from bfpack_spark.load_settings import load_settings
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary
from bfpack_spark.tokens.look_at import look_at

AT = ("--seq-len", 64)
LANGUAGES = ("de", "en", "fr")
Shards = dict[str, list[tuple[str, str]]]
Way = Callable[[Path], tuple[object, ...]]
ROWS = [
    {"doc_id": f"d{n}", "lang": LANGUAGES[n % 3], "text": f"{n} some words " * (n + 1)}
    for n in range(60)
]


def of(lang: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if row["lang"] == lang]


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack pack` to tmp_path/output."""

    def pack(*more: object) -> Ran:
        where = ("--output", tmp_path / "output", "--tokenizer", demo_corpus.tokenizer)
        return bfpack("pack", *where, "--id-column", "doc_id", *AT, *more)

    return pack


def published(output: Path) -> list[str]:
    return sorted(path.parts[-3] for path in output.glob("*/sequences-64/_current.json"))


def ids_in(output: Path, bucket: str) -> list[str]:
    rows = shard_rows(current(output, bucket, "sequences-64"))
    assert {row["bucket"] for row in rows} == {bucket}
    return sorted(documents_of(rows))


def in_paths(corpus: Path) -> tuple[object, ...]:
    for lang in LANGUAGES:
        write_input(corpus / f"{lang}/a.parquet", of(lang))
    write_input(corpus / "README.jsonl", ROWS)  # beside them, and no bucket
    return ("--input", f"{corpus}/{{bucket}}")


def in_directories(corpus: Path) -> tuple[object, ...]:
    for lang in LANGUAGES:
        bare = [{k: v for k, v in row.items() if k != "lang"} for row in of(lang)]
        write_input(corpus / f"lang={lang}/part=1/a.parquet", bare)
    return ("--input", corpus, "--bucket-column", "lang")


def in_a_column(corpus: Path) -> tuple[object, ...]:
    for number in range(2):
        write_input(corpus / f"{number}.parquet", ROWS[number::2], row_group_size=7)
    return ("--input", corpus, "--bucket-column", "lang")


def in_lines(corpus: Path) -> tuple[object, ...]:
    write_input(corpus / "a.jsonl", ROWS)
    return ("--input", corpus, "--bucket-column", "lang")


WAYS = [in_paths, in_directories, in_a_column, in_lines]


@pytest.fixture(scope="module")
def alone(demo_corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """The shards of every language packed from a corpus of its own."""
    folder, made = tmp_path_factory.mktemp("alone"), {}
    for lang in LANGUAGES:
        write_input(folder / lang / "a.jsonl", of(lang))
        where = ("--input", folder / lang, "--output", folder / "output", "--bucket", lang)
        more = ("--tokenizer", demo_corpus.tokenizer, "--id-column", "doc_id", *AT)
        assert bfpack("pack", *where, *more).code == 0
        made[lang] = shard_hashes(current(folder / "output", lang, "sequences-64"))
    return made


@pytest.mark.parametrize("way", WAYS)
def test_every_bucket_found_is_packed_as_if_it_were_alone(
    way: Way, run: Run, bfpack: Bfpack, alone: Shards, tmp_path: Path
) -> None:
    source = way(tmp_path / "corpus")
    ran = run(*source, "--json").succeeds()
    assert [row["bucket"] for row in json.loads(ran.out)] == list(LANGUAGES)
    for lang in LANGUAGES:
        version = current(tmp_path / "output", lang, "sequences-64")
        assert shard_hashes(version) == alone[lang]
        told = manifest(current(tmp_path / "output", lang, "tokens"))["inputs"]["configuration"]
        by_column = "--bucket-column" in source
        assert told.get("bucket_column") == ("lang" if by_column else None)
        assert told.get("bucket") == (lang if by_column else None)
    buckets = [item for lang in LANGUAGES for item in ("--bucket", lang)]
    ran = bfpack("verify", "--output", tmp_path / "output", *AT, *buckets, *source[:2]).succeeds()
    assert ran.out.count("every invariant holds") == 3
    assert ran.out.count("20 documents equal their text tokenized anew") == 3


@pytest.mark.parametrize("way", [in_paths, in_a_column])
def test_only_the_buckets_that_are_named_are_packed(way: Way, run: Run, tmp_path: Path) -> None:
    source = way(tmp_path / "corpus")
    ran = run(*source, "--bucket", "fr", "--bucket", "nn", "--bucket", "de")
    assert ran.code == 4
    assert published(tmp_path / "output") == ["de", "fr"]
    assert ids_in(tmp_path / "output", "fr") == sorted(row["doc_id"] for row in of("fr"))
    assert not (tmp_path / "output" / "nn").exists()
    assert "1 of 3 buckets failed: nn" in ran.err


def test_a_new_file_of_one_bucket_is_nothing_to_the_others(run: Run, tmp_path: Path) -> None:
    source = in_a_column(tmp_path / "corpus")
    assert run(*source).code == 0
    before = {lang: current(tmp_path / "output", lang, "tokens").name for lang in LANGUAGES}
    more = [{"doc_id": "new", "lang": "fr", "text": "one more"}]
    write_input(tmp_path / "corpus" / "2.parquet", more)
    assert run(*source).code == 0
    after = {lang: current(tmp_path / "output", lang, "tokens").name for lang in LANGUAGES}
    assert [lang for lang in LANGUAGES if before[lang] != after[lang]] == ["fr"]
    assert "new" in ids_in(tmp_path / "output", "fr")


def test_a_bucket_that_fails_neither_stops_nor_spoils_the_others(run: Run, tmp_path: Path) -> None:
    source = in_paths(tmp_path / "corpus")
    write_input(tmp_path / "corpus" / "en" / "a.parquet", [{"doc_id": 1, "body": "no text"}])
    ran = run(*source)
    assert ran.code == 4
    assert published(tmp_path / "output") == ["de", "fr"]
    assert not (tmp_path / "output" / "en").exists()
    outcomes = [line.split()[1::2] for line in ran.err.splitlines() if "\u2502" in line]
    assert outcomes == [["de", "done"], ["en", "failed"], ["fr", "done"]]
    (line,) = [line for line in ran.err.splitlines() if "no such column" in line]
    why = "--text-column text: no such column in a.parquet; there are: doc_id, body"
    assert line == f"bfpack: error: 1 of 3 buckets failed: en ({why})"
    assert ran.err.endswith(f"{line}\n")
    ran = run(*source, "--json")
    rows = json.loads(ran.out)
    assert (ran.code, [row["bucket"] for row in rows]) == (4, ["de", "fr", "en"])
    assert (rows[2]["exit_code"], rows[2]["error"][:18]) == (2, "--text-column text")


def test_where_every_bucket_fails_the_code_is_theirs(run: Run, tmp_path: Path) -> None:
    ran = run(*in_paths(tmp_path / "corpus"), "--text-column", "body")
    ran.refuses("3 of 3 buckets failed: de, en, fr (--text-column body: no such column")
    assert ran.err.count("no such column") == 1
    assert published(tmp_path / "output") == []


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "a bucket needs a name"), ("+" * 81, "at most 240 fit")],
)
@pytest.mark.parametrize("way", [in_a_column, in_lines])
def test_a_value_that_is_no_name_is_a_mistake_and_nothing_is_written(
    way: Way, value: str, says: str, run: Run, tmp_path: Path
) -> None:
    source = way(tmp_path / "corpus")
    write_input(
        tmp_path / "corpus" / f"odd.{'jsonl' if way is in_lines else 'parquet'}",
        [{"doc_id": "odd", "lang": value, "text": "x"}],
    )
    run(*source).refuses(f"a bucket found in --input cannot be called {value[:40]!r}", says)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ('{"lang": null, "text": "x"}', "--bucket-column lang: null at odd.jsonl@0; buckets are"),
        (
            '{"text": "x", "id": 1}',
            "--bucket-column lang: no such column (there are: id, text) at odd.jsonl@0; buckets",
        ),
        ('{"lang": 1.5, "text": "x"}', "--bucket-column lang: 1.5 at odd.jsonl@0"),
        (
            '{"lang": "de", "te',
            "--bucket-column lang: a line that is no JSON object (Unterminated string",
        ),
    ],
)
def test_a_document_whose_bucket_cannot_be_read_is_named(
    odd: str, says: str, run: Run, tmp_path: Path
) -> None:
    source = in_lines(tmp_path / "corpus")
    (tmp_path / "corpus" / "odd.jsonl").write_text(odd + "\n")
    run(*source).refuses(says)
    assert not (tmp_path / "output").exists()


def test_rows_of_parquet_without_a_bucket_are_named(run: Run, tmp_path: Path) -> None:
    rows = [*ROWS[:9], {**ROWS[9], "lang": None}]
    write_input(tmp_path / "corpus" / "a.parquet", rows, row_group_size=4)
    ran = run("--input", tmp_path / "corpus", "--bucket-column", "lang")
    ran.refuses("--bucket-column lang: null at a.parquet#9; buckets are")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--bucket", "a", "--bucket", "b"), "--bucket: 2 are named, and nothing says which input"),
        ((), "--bucket is missing: "),
        (("--bucket-column", "lang", "--input", "x/{bucket}"), "names the buckets already"),
        (("--input", "x/{bucket}"), "has no {bucket}, but others have; write it in all"),
    ],
)
def test_buckets_that_nothing_tells_are_a_mistake(
    more: tuple[object, ...], says: str, run: Run, tmp_path: Path
) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", ROWS)
    run("--input", tmp_path / "corpus", *more).refuses(says)
    assert not (tmp_path / "output").exists()


# Two runs at once


def test_a_bucket_that_another_run_holds_is_exit_3_and_left_alone(run: Run, tmp_path: Path) -> None:
    source = in_paths(tmp_path / "corpus")
    with hold_bucket(str(tmp_path / "output"), "en"):
        ran = run(*source[:1], tmp_path / "corpus" / "en", "--bucket", "en")
        ran.refuses("bfpack: error: --bucket en: another run holds it (pid ", code=3)
        assert [p.name for p in (tmp_path / "output").rglob("*")] == ["en", "_lock"]
        ran = run(*source)
        assert ran.code == 4
        assert published(tmp_path / "output") == ["de", "fr"]
    assert run(*source).code == 0
    assert published(tmp_path / "output") == list(LANGUAGES)
    assert not list(tmp_path.rglob("_lock"))


def test_two_runs_that_no_lock_keeps_apart_write_the_same_bytes(
    spark: SparkSession,
    demo_corpus: Corpus,
    alone: Shards,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        def check(self) -> None: ...

    @contextmanager
    def broken(output: str, bucket: str) -> Iterator[Lock]:
        both.wait(60)  # both begin before either ends
        yield Broken()

    write_input(tmp_path / "corpus" / "a.jsonl", of("en"))
    options = {
        "input": str(tmp_path / "corpus"),
        "output": str(tmp_path / "output"),
        "tokenizer": str(demo_corpus.tokenizer),
        "id_column": "doc_id",
        "bucket": ("en",),
        "seq_len": (64,),
    }
    settings = load_settings(None, options)
    find = find_slices(lambda: spark, settings)["en"]
    source = look_at(settings, "en", find, read_vocabulary(settings))
    both, failed = threading.Barrier(2), []
    monkeypatch.setattr(pipeline, "hold_bucket", broken)

    def pack() -> None:
        try:
            pipeline.pack(spark, settings, source)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=pack) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The first to end tidies up, in which the other may lose its temporaries, and nothing else.
    assert len(failed) < 2, failed
    version = current(tmp_path / "output", "en", "sequences-64")
    assert shard_hashes(version) == alone["en"]
    for made in (version, current(tmp_path / "output", "en", "tokens")):
        on_disk = {str(p.relative_to(made)) for p in made.rglob("*.parquet")}
        assert on_disk == {entry["path"] for entry in manifest(made)["files"]}
        assert all(read(made / path) for path in on_disk)
