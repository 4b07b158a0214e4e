"""Shards in other encodings and codecs: bytes, CPU, and which readers open them.

    python scripts/bench/encodings.py SHARDS [SHARDS ...]     as `bfpack path` names them

Takes about 8 M tokens of each directory's shards, writes them anew in each way, all columns and
row groups alike, and opens what comes out with pyarrow, Spark, polars, DuckDB and HF datasets.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import datasets
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from about import about
from pyspark.sql import functions as sf

from bfpack_spark.session import get_session

_TOKENS = 1 << 23


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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", nargs="+", type=Path, help="directories of shards")
    directories = parser.parse_args().shards
    print(f"{about()}\n")
    with tempfile.TemporaryDirectory() as work:
        for directory in directories:
            _print_table(directory, Path(work))


def _print_table(directory: Path, work: Path) -> None:
    table = some_rows(directory)
    tokens = _num_tokens(table)
    print(f"{tokens / 1e6:.0f} M tokens of {directory}:\n")
    print("| input_ids | bytes a token | write, ns a token | read, ns a token | not read by |")
    print("|---|---:|---:|---:|---|")
    sizes = {}
    for way in WAYS:
        path = work / "shard.parquet"
        spent = _cpu(lambda way=way, path=path: write(table, way, path))
        read = _cpu(lambda path=path: pq.ParquetFile(path).read(use_threads=False))
        failing = [name for name, opens in READERS.items() if not _reads(opens, path, table)]
        if not failing:
            sizes[way] = path.stat().st_size / tokens
        print(
            f"| {way.name} | {path.stat().st_size / tokens:.3f} | {1e9 * spent / tokens:.1f} "
            f"| {1e9 * read / tokens:.1f} | {', '.join(failing)} |"
        )
    alike = [size for way, size in sizes.items() if (way.codec, way.level) == ("zstd", 1)]
    print(f"\nOurs / the smallest encoding that all read: {sizes[OURS] / min(alike):.3f} by the")
    print(f"same codec, {sizes[OURS] / min(sizes.values()):.3f} by any here.\n")


def some_rows(directory: Path) -> pa.Table:
    """Whole shards, about 8 M tokens."""
    parts: list[pa.Table] = []
    for path in sorted(directory.glob("*.parquet")):
        parts.append(pq.ParquetFile(path).read())
        if sum(map(_num_tokens, parts)) >= _TOKENS:
            break
    return pa.concat_tables(parts)


def write(table: pa.Table, way: Way, path: Path) -> None:
    encoded = {"input_ids.list.element": way.encoding}
    other = way.encoding in ("PLAIN", "dictionary")
    pq.write_table(
        table,
        path,
        use_dictionary=["input_ids.list.element"] if way.encoding == "dictionary" else False,
        column_encoding=None if other else encoded,
        compression=way.codec,
        compression_level=way.level,
        data_page_version="1.0",
        write_page_checksum=True,
        write_statistics=False,
        store_schema=False,
        row_group_size=max(2**20 // len(table["input_ids"][0]), 1),
    )


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


def _reads(opens: Callable[[Path], int], path: Path, table: pa.Table) -> bool:
    expected = pc.sum(pc.list_flatten(table["input_ids"]).cast(pa.int64())).as_py()
    try:
        return opens(path) == expected
    except Exception:  # whatever it says, it does not read it
        return False


def _num_tokens(table: pa.Table) -> int:
    return len(table) * len(table["input_ids"][0])


def _cpu(act: Callable[[], object]) -> float:
    before = time.process_time()
    act()
    return time.process_time() - before


if __name__ == "__main__":
    main()
