"""Commands on Delta tables of a few documents, and the same documents in Parquet."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Ran
from outputs import current, shard_hashes
from pyspark.sql import SparkSession

SEQ_LEN = 64
WORDS = ["some", "words", "to", "learn", "and", "don't", "forget", "été", "漢字", "x = f(y)"]
TEXTS = {
    f"d{number:02d}": " ".join(WORDS[(number * k) % 10] for k in range(3 + 7 * number % 40))
    for number in range(24)
}
FIRST, SECOND = (dict(list(TEXTS.items())[half]) for half in (slice(0, 12), slice(12, 24)))
GONE = ("d03", "d04", "d15")
LEFT = {doc_id: text for doc_id, text in TEXTS.items() if doc_id not in GONE}


@dataclass(frozen=True)
class Desk:
    """Where commands are typed: an output of its own, one tokenizer."""

    run: Bfpack
    output: Path
    tokenizer: Path

    def bfpack(self, command: str, *arguments: object) -> Ran:
        where = ["--output", self.output, "--seq-len", SEQ_LEN]
        return self.run(command, *where, *arguments)

    def pack(self, *arguments: object, bucket: str | None = "b", ids: bool = True) -> Ran:
        """Pack, and succeed."""
        return self.try_to_pack(*arguments, bucket=bucket, ids=ids).succeeds()

    def try_to_pack(self, *arguments: object, bucket: str | None = "b", ids: bool = True) -> Ran:
        named = ["--bucket", bucket] if bucket else []
        named += ["--id-column", "doc_id"] if ids else []
        return self.bfpack("pack", "--tokenizer", self.tokenizer, *named, *arguments)

    def version(self, bucket: str = "b", seq_len: int = SEQ_LEN) -> Path:
        return current(self.output, bucket, f"sequences-{seq_len}")

    def shards(self, bucket: str = "b") -> list[tuple[str, str]]:
        return shard_hashes(self.version(bucket))

    def documents(self, bucket: str = "b") -> set[str]:
        store = current(self.output, bucket, "tokens")
        rows = pq.read_table(store / "documents", columns=["doc_id"])
        return set(rows.column("doc_id").to_pylist())


@pytest.fixture
def desk(
    spark: SparkSession,
    bfpack: Bfpack,
    tiny_tokenizer: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Desk:
    """What is logged counts as said on stderr."""
    if "delta" not in (spark.conf.get("spark.sql.extensions", None) or "").lower():
        pytest.skip("delta-spark 4.4.0 cannot be fetched: no package registry answers")

    def run(*arguments: object) -> Ran:
        caplog.clear()
        ran = bfpack(*arguments)
        said = [record.getMessage() for record in caplog.records if record.name == "bfpack"]
        return Ran(ran.code, ran.out, ran.err + "".join(f"{line}\n" for line in said))

    caplog.set_level("INFO", logger="bfpack")
    return Desk(run, tmp_path / "output", tiny_tokenizer)


@pytest.fixture(scope="module")
def from_parquet(
    bfpack: Bfpack, tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[tuple[str, str]]]:
    """Names and hashes of the shards of documents that lie in Parquet."""

    @functools.cache
    def pack(doc_ids: tuple[str, ...]) -> list[tuple[str, str]]:
        texts = {doc_id: TEXTS[doc_id] for doc_id in doc_ids}
        folder = tmp_path_factory.mktemp("parquet")
        columns = {"doc_id": list(texts), "text": list(texts.values())}
        pq.write_table(pa.table(columns), folder / "part-0.parquet")
        desk = Desk(bfpack, folder / "output", tiny_tokenizer)
        desk.pack("--input", folder / "part-0.parquet")
        return desk.shards()

    return lambda texts: pack(tuple(texts))


def rows_of(texts: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """doc_id, text, lang, source: two languages, three sources."""
    numbered = ((doc_id, int(doc_id[1:])) for doc_id in texts)
    return [(d, texts[d], ("de", "fr")[n % 2], f"s{n % 3}") for d, n in numbered]


def append(
    spark: SparkSession, table: Path, texts: dict[str, str], *by: str, **options: str
) -> None:
    """One commit of one file a partition, at a path."""
    rows = spark.createDataFrame(
        rows_of(texts), "doc_id string, text string, lang string, source string"
    )
    writer = rows.coalesce(1).write.format("delta").mode("append")
    (writer.partitionBy(*by) if by else writer).options(**options).save(str(table))
