"""Formats of shards and of token files beside each other: bytes, CPU, and what one row takes.

    python scripts/bench/formats.py VERSION [VERSION ...]     directories of versions of sequences

Writes about 8 M tokens of each version's shards anew with the row groups of formats 1 and 2, and
about as many of its token store with ids as int32 and in two columns. It does so by the code of the
job, in turns. A scan reads all columns of a file; a row at random reads the
row group that holds it, with a footer that is read already. Exits with an error if a target is
missed.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of
from figures import about, print_head
from processes import seconds_of

from bfpack_spark.core.halves import num_high_bytes
from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import SEQUENCES, TOKENS, stored_tokens
from bfpack_spark.tokens.stored_ids import halves_of, in_halves, whole_ids

_TOKENS = 1 << 23
_TURNS = 31
_RANDOM_ROWS = 50
_SCAN_MAX = 1.15
_BYTES_MAX = 1.02
_STATISTICS = ["sequence_id", "num_tokens", "num_padding", "bucket"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one format: bytes a token, ns of CPU a token, and ms of CPU for a row at random."""

    size: float
    write: float
    read: float
    row: float


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("versions", nargs="+", type=Path, help="directories of sequences")
    versions = parser.parse_args().versions
    print(f"{about()}\n")
    missed = []
    with tempfile.TemporaryDirectory() as work:
        for version in versions:
            missed += _shards(version, work)
            _token_files(version, work)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


def _shards(version: Path, work: str) -> list[str]:
    table = some_rows(sorted((version / "shards").glob("*.parquet")), "num_tokens")
    seq_len = len(table["input_ids"][0])
    tokens = len(table) * seq_len
    rows = {number: rows_per_row_group(seq_len, number) for number in (1, 2)}
    tables = {1: table_of(table, None), 2: table_of(table, 0)}
    found = in_turns(
        {
            f"format {number}, {rows[number]} rows a group": (
                lambda number=number: write(work, SEQUENCES, tables[number], rows[number])
            )
            for number in (1, 2)
        },
        tokens,
    )
    print_table(f"{tokens / 1e6:.0f} M tokens of shards at {seq_len}", found)
    old, new = found.values()
    ratios = {"scan": (new.read / old.read, _SCAN_MAX), "bytes": (new.size / old.size, _BYTES_MAX)}
    for name, (ratio, most) in ratios.items():
        print(f"{name}: {ratio:.3f} x format 1, target <= {most}")
    print()
    return [f"{name} at {seq_len}" for name, (ratio, most) in ratios.items() if ratio > most]


def _token_files(version: Path, work: str) -> None:
    manifest = json.loads((version / "_manifest.json").read_text())
    size = manifest["tokenizer"]["vocabulary_size"]
    num_high = num_high_bytes(size)
    store = version.parents[1] / "tokens" / manifest["inputs"]["tokens_fingerprint"][:16]
    stored = some_rows(sorted((store / "documents").glob("*.parquet")), "length")
    tokens = int(stored["length"].to_numpy().sum())
    group = max(1, round(len(stored) * 2**20 / tokens))
    (batch,) = (halves_of(own, num_high) for own in stored.to_batches())
    halves = pa.Table.from_batches([batch])
    table = pa.Table.from_batches([whole_ids(batch)])
    schema = stored_tokens(num_high, masks=False)
    found = in_turns(
        {
            "format 1, int32": lambda: write(work, TOKENS, table, group),
            "format 2, in two columns": lambda: write(work, schema, halves, group),
        },
        tokens,
    )
    print_table(f"{tokens / 1e6:.0f} M tokens of token files, vocabulary of {size:,}", found)
    both = (seconds_of(lambda: in_halves(table, num_high)), seconds_of(lambda: whole_ids(batch)))
    print(
        "int32 to two columns and back: {:.2f} and {:.2f} ns a token\n".format(
            *(1e9 * seconds / tokens for seconds in both)
        )
    )


def some_rows(paths: list[Path], column: str) -> pa.Table:
    """Whole files, about 8 M tokens, as one table; `column` holds the tokens of a row."""
    tables: list[pa.Table] = []
    for path in paths:
        tables.append(pq.ParquetFile(path).read())
        if sum(table[column].to_numpy().sum() for table in tables) >= _TOKENS:
            break
    return pa.concat_tables(tables).combine_chunks()


def table_of(table: pa.Table, padding: int | None) -> pa.Table:
    """The rows with this value for what padding has no value of."""
    names = table["doc_ids"].chunk(0)
    missing = names.flatten().is_null()
    for at, name in enumerate(table.column_names):
        if name in ("doc_starts", "doc_lengths"):
            values = table[name].chunk(0).flatten().to_numpy(zero_copy_only=False)
            values = np.nan_to_num(values).astype(np.int64)
            mask = missing.to_numpy(zero_copy_only=False) if padding is None else None
            lists = pa.ListArray.from_arrays(names.offsets, pa.array(values, mask=mask))
            table = table.set_column(at, name, lists)
    return table


def write(root: str, schema: pa.Schema, table: pa.Table, rows: int) -> Path:
    statistics = _STATISTICS if schema is SEQUENCES else ["length"]
    output = ParquetOutput(root, "shards/part-0.parquet", schema, statistics=statistics)
    for first in range(0, len(table), rows):
        output.write(table.slice(first, rows))
    output.close("shards", 0, None)
    return Path(root) / "shards" / "part-0.parquet"


def in_turns(writers: dict[str, Callable[[], Path]], tokens: int) -> dict[str, Measured]:
    """The least of several turns, in each of which all are measured: what else runs on the machine
    only adds to it."""
    found: dict[str, list[Measured]] = {name: [] for name in writers}
    for _ in range(_TURNS):
        for name, writer in writers.items():
            spent = seconds_of(writer)
            path = writer()
            read = seconds_of(lambda path=path: pq.ParquetFile(path).read(use_threads=False))
            found[name].append(
                Measured(
                    size=path.stat().st_size / tokens,
                    write=1e9 * spent / tokens,
                    read=1e9 * read / tokens,
                    row=1e3 * _row_at_random(path),
                )
            )
    return {
        name: Measured(**{field: min(getattr(m, field) for m in each) for field in vars(each[0])})
        for name, each in found.items()
    }


def _row_at_random(path: Path) -> float:
    file = pq.ParquetFile(path)
    group = file.metadata.row_group(0).num_rows
    rows = np.random.default_rng(0).integers(0, file.metadata.num_rows, _RANDOM_ROWS).tolist()

    def read() -> None:
        for row in rows:
            file.read_row_group(row // group, use_threads=False).slice(row % group, 1)

    return seconds_of(read) / len(rows)


def print_table(title: str, found: dict[str, Measured]) -> None:
    print(f"{title}:")
    names = "| bytes a token | write, ns a token | scan, ns a token | a row at random, ms"
    print_head(names, "lrrrr")
    for name, own in found.items():
        print(f"| {name} | {own.size:.4f} | {own.write:.2f} | {own.read:.2f} | {own.row:.2f} |")
    print()


if __name__ == "__main__":
    main()
