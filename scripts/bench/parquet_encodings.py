"""Shards in other encodings and codecs: bytes, CPU, and which readers open them.

    python scripts/bench/parquet_encodings.py SHARDS [SHARDS ...]     as `bfpack path` names them

Takes about 8 M tokens of each directory's shards, writes them anew in each way, all columns and
row groups alike, and opens what comes out with pyarrow, Spark, polars, DuckDB and HF datasets.
Exits with an error when our own way, written anew, is not of the size that the shards have.
"""

import importlib.metadata
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from commands import parser_of
from figures import about, print_head
from processes import in_turns
from pyspark.sql import functions as sf

from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.schema import SEQUENCES_FORMATS
from bfpack_spark.spark.session import get_session

_TOKENS = 1 << 23
_RATIO_MAX = 1.05  # ours, over the smallest encoding by the same codec and level
_DIFFERENCE_MAX = 0.01  # between our shards and what this script writes in their way
_READER_PACKAGES = ("polars", "duckdb", "datasets")  # the versions of the others are said anyway


@dataclass(frozen=True, kw_only=True)
class Way:
    """How input_ids are written; the other columns are as in our shards."""

    encoding: str
    codec: str
    level: int | None = None

    @property
    def name(self) -> str:
        return f"{self.encoding}, {self.codec}{'' if self.level is None else f' {self.level}'}"


OURS = Way(encoding="PLAIN", codec="zstd", level=1)
WAYS = (
    OURS,
    Way(encoding="dictionary", codec="zstd", level=1),
    Way(encoding="DELTA_BINARY_PACKED", codec="zstd", level=1),
    Way(encoding="BYTE_STREAM_SPLIT", codec="zstd", level=1),
    Way(encoding="PLAIN", codec="snappy"),
    Way(encoding="PLAIN", codec="lz4"),
    Way(encoding="PLAIN", codec="gzip"),
    Way(encoding="PLAIN", codec="zstd", level=3),
    Way(encoding="PLAIN", codec="zstd", level=6),
)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("shards", nargs="+", type=Path, help="directories of shards")
    directories = parser.parse_args().shards
    names = (f"{name} {importlib.metadata.version(name)}" for name in _READER_PACKAGES)
    print(f"{about()} Readers: {', '.join(names)}.\n")
    with tempfile.TemporaryDirectory() as work:
        for directory in directories:
            _print_table(directory, Path(work))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Bytes a token, and ns of CPU a token; the readers that do not read it."""

    size: float
    write: float
    read: float
    failing: list[str]


def _print_table(directory: Path, work: Path) -> None:
    shards, num_bytes = some_shards(directory)
    tokens = sum(map(_num_tokens, shards))
    print(f"{tokens / 1e6:.0f} M tokens of {directory}:")
    names = "input_ids | bytes a token | write, ns a token | read, ns a token | not read by"
    print_head(names, "lrrrl")
    found = {}
    for way in WAYS:
        found[way] = own = measure(shards, way, work / "shard.parquet")
        print(
            f"| {way.name} | {own.size:.3f} | {own.write:.1f} | {own.read:.1f} "
            f"| {', '.join(own.failing)} |"
        )
    _check_ours(found[OURS], num_bytes / tokens)
    _print_targets(found)


def measure(shards: Sequence[pa.Table], way: Way, path: Path) -> Measured:
    tokens = sum(map(_num_tokens, shards))
    return Measured(
        write=1e9 * _cpu(lambda: write(shards, way, path)) / tokens,
        read=1e9 * _cpu(lambda: pq.ParquetFile(path).read(use_threads=False)) / tokens,
        size=path.stat().st_size / tokens,
        failing=[name for name, opens in READERS.items() if not _reads(opens, path, shards)],
    )


def _check_ours(ours: Measured, size: float) -> None:
    """Exit unless what is measured here as ours is what the job writes."""
    if ours.failing:
        sys.exit(f"our shards are not read by {', '.join(ours.failing)}")
    if abs(ours.size / size - 1) > _DIFFERENCE_MAX:
        sys.exit(
            f"the shards hold {size:.3f} bytes a token, written anew as {OURS.name} "
            f"{ours.size:.3f}: change OURS or write() to what the job does"
        )
    print(f"\nThe shards themselves: {size:.3f} bytes a token.")


def _print_targets(found: dict[Way, Measured]) -> None:
    ours = found[OURS]
    read = {way: own for way, own in found.items() if not own.failing}
    alike = {w: own for w, own in read.items() if (w.codec, w.level) == (OURS.codec, OURS.level)}
    print_head("ours / the smallest that all read | here | target | met", "lrrl")
    ratio, name, _ = _to_smallest(ours, alike)
    met = "yes" if ratio <= _RATIO_MAX else "no"
    print(f"| by the same codec and level | {ratio:.3f} ({name}) | <= {_RATIO_MAX} | {met} |")
    ratio, name, least = _to_smallest(ours, read)
    print(f"| by any codec and level here | {ratio:.3f} ({name}) | none | |")
    print("\nThe second is a matter of the codec and its level, and costs CPU: to write ", end="")
    print(f"{least.write:.1f} ns a token, not {ours.write:.1f}; to read ", end="")
    print(f"{least.read:.1f}, not {ours.read:.1f}.\n")


def _to_smallest(ours: Measured, others: dict[Way, Measured]) -> tuple[float, str, Measured]:
    way, least = min(others.items(), key=lambda item: item[1].size)
    return ours.size / least.size, way.name, least


def some_shards(directory: Path) -> tuple[list[pa.Table], int]:
    """Whole shards, about 8 M tokens, and the bytes of their files."""
    shards: list[pa.Table] = []
    num_bytes = 0
    for path in sorted(directory.glob("*.parquet")):
        shards.append(pq.ParquetFile(path).read())
        num_bytes += path.stat().st_size
        if sum(map(_num_tokens, shards)) >= _TOKENS:
            break
    return shards, num_bytes


def write(shards: Sequence[pa.Table], way: Way, path: Path) -> None:
    """All shards in one file, with the row groups that they have."""
    encoded = {"input_ids.list.element": way.encoding}
    other = way.encoding in ("PLAIN", "dictionary")
    with pq.ParquetWriter(
        path,
        shards[0].schema,
        use_dictionary=["input_ids.list.element"] if way.encoding == "dictionary" else False,
        column_encoding=None if other else encoded,
        compression=way.codec,
        compression_level=way.level,
        data_page_version="1.0",
        write_page_checksum=True,
        write_statistics=False,
        store_schema=False,
    ) as writer:
        for shard in shards:
            rows = rows_per_row_group(len(shard["input_ids"][0]), SEQUENCES_FORMATS[0])
            writer.write_table(shard, row_group_size=rows)


# Readers: the sum of all ids


def _pyarrow(path: Path) -> int:
    ids = ds.dataset(path).to_table(columns=["input_ids"])["input_ids"]
    return int(pc.sum(pc.list_flatten(ids).cast(pa.int64())).as_py())


def _spark(path: Path) -> int:
    spark = get_session({"spark.log.level": "OFF"})
    ids = spark.read.parquet(str(path)).select(sf.explode("input_ids").alias("id"))
    return int(ids.agg(sf.sum(sf.col("id").cast("long"))).collect()[0][0])


def _polars(path: Path) -> int:
    return int(pl.read_parquet(path)["input_ids"].explode().cast(pl.Int64).sum())


def _duckdb(path: Path) -> int:
    query = f"SELECT sum(list_sum(input_ids))::BIGINT FROM read_parquet('{path}')"
    return int(duckdb.sql(query).fetchall()[0][0])


def _datasets(path: Path) -> int:
    rows = datasets.load_dataset(
        "parquet", data_files=str(path), split="train", streaming=True
    ).with_format("arrow")
    each = (batch["input_ids"] for batch in rows.iter(batch_size=512))
    return sum(pc.sum(pc.list_flatten(ids).cast(pa.int64())).as_py() for ids in each)


READERS: dict[str, Callable[[Path], int]] = {
    "pyarrow": _pyarrow,
    "Spark": _spark,
    "polars": _polars,
    "DuckDB": _duckdb,
    "datasets": _datasets,
}


def _reads(opens: Callable[[Path], int], path: Path, shards: Sequence[pa.Table]) -> bool:
    ids = (pc.list_flatten(shard["input_ids"]) for shard in shards)
    expected = sum(pc.sum(own.cast(pa.int64())).as_py() for own in ids)
    try:
        return opens(path) == expected
    except Exception:  # whatever it says, it does not read it
        return False


def _num_tokens(table: pa.Table) -> int:
    return len(table) * len(table["input_ids"][0])


def _cpu(act: Callable[[], object]) -> float:
    """Seconds, median of three: what readers leave behind in this process may take some once."""
    return statistics.median(in_turns({"it": act}, 3)["it"])


if __name__ == "__main__":
    main()
