"""The files of the token store. documents/ and quarantine/ are written in one pass; documents/ is
read back."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.files.parquet_output import ParquetOutput, binary_values
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.memory import give_back
from bfpack_spark.schema import QUARANTINE, TOKENS, Reason, stored_tokens, with_masks
from bfpack_spark.spark.messages import message
from bfpack_spark.tokens.stored_ids import IdsHash, binary_of, in_halves

Places = dict[str, str]  # reason -> file and place of its first document


@dataclass(frozen=True, kw_only=True)
class TokenFileSizes:
    """When a row group or a file is full."""

    file_tokens: int = 1 << 25  # 128 MB of ids: the unit of parallelism of what follows
    group_tokens: int = 1 << 20
    group_rows: int = 1 << 16
    large_tokens: int = 1 << 24  # so many pending tokens are mostly those of one document


SIZES = TokenFileSizes()


def partition_name() -> str:
    """Return the number of the partition. Every attempt at it writes the same file."""
    context = TaskContext.get()
    return f"{context.partitionId() if context else 0:05d}"


def attempt_name(run: str) -> str:
    """Return a name of the partition in which no two attempts, in whatever run, are alike."""
    context = TaskContext.get()
    return f"{run}-{partition_name()}-{context.taskAttemptId() if context else 0}"


def write_token_files(
    batches: Iterator[pa.RecordBatch],
    *,
    root: str,
    metadata: dict[str, str],
    num_high: int,
    tally: Tally,
    prefix: str = "",
    part_name: Callable[[], str] = partition_name,
    sizes: TokenFileSizes = SIZES,
) -> Iterator[pa.RecordBatch]:
    """Write the TOKENIZED rows of one partition and yield one message: the files, the refused
    documents by reason, and the tally, which is complete once all rows have come. The name of a
    file is the prefix and what `part_name` calls this attempt. num_high: the bytes of an id above
    its low 16 bits."""
    writer = _TokenWriter(root, metadata, num_high, f"{prefix}{part_name()}", sizes)
    for batch in batches:
        writer.add(batch)
        del batch  # otherwise it is held while the next one is made
    yield message({**writer.close(), "read": tally.told()})


class _TokenWriter:
    """Collects rows into row groups of about 2^20 tokens, and begins a new file at 2^25 tokens."""

    def __init__(
        self,
        root: str,
        metadata: dict[str, str],
        num_high: int,
        part: str,
        sizes: TokenFileSizes,
    ) -> None:
        self._num_high = num_high
        self._sizes = sizes
        self._root, self._metadata, self._part = root, metadata, part
        self._entries: list[dict[str, Any]] = []
        self._counts = Counter(num_bytes=0, not_audited=0)
        # The refused documents and the bytes of their text by reason, and the first one's place.
        self._documents: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._places: Places = {}
        self._pending: list[pa.RecordBatch] = []
        self._pending_tokens = 0
        self._schema = TOKENS
        self._output: ParquetOutput | None = None
        self._quarantine: ParquetOutput | None = None
        self._output_tokens = 0
        self._ids_hash = IdsHash()

    def add(self, batch: pa.RecordBatch) -> None:
        self._count(batch, num_bytes="num_bytes", not_audited="not_audited")
        reason = batch.column("reason")
        if reason.null_count < len(batch):
            self._set_aside(batch.filter(reason.is_valid()))
            batch = batch.filter(reason.is_null())
        self._schema = with_masks(TOKENS, masks="loss_mask" in batch.schema.names)
        if self._schema is not TOKENS:
            self._count(batch, targets="num_targets", inserted="num_inserted")
        self._pending.append(batch.select(self._schema.names))
        self._pending_tokens += pc.sum(batch.column("length")).as_py() or 0
        rows = sum(len(pending) for pending in self._pending)
        if self._pending_tokens >= self._sizes.group_tokens or rows >= self._sizes.group_rows:
            self._flush()

    def close(self) -> dict[str, Any]:
        self._flush()
        self._finish_file()
        if self._quarantine is not None:
            self._entries.append(self._quarantine.close("quarantine", 0, None))
        by_reason = {"documents_by_reason": self._documents, "bytes_by_reason": self._bytes}
        counts = {**self._counts, **by_reason}
        return {"files": self._entries, "counts": counts, "places": self._places}

    def _count(self, batch: pa.RecordBatch, **columns: str) -> None:
        """Add the sums of columns to the counts of these names."""
        for name, column in columns.items():
            self._counts[name] += pc.sum(batch.column(column)).as_py() or 0

    def _set_aside(self, batch: pa.RecordBatch) -> None:
        columns = (batch.column(name).to_pylist() for name in ("reason", "source", "num_bytes"))
        for reason, source, num_bytes in zip(*columns, strict=True):
            self._documents[reason] += 1
            self._bytes[reason] += num_bytes
            self._places.setdefault(reason, source)
        batch = batch.filter(pc.not_equal(batch.column("reason"), Reason.EMPTY))
        if not len(batch):
            return
        schema = with_masks(QUARANTINE, masks="loss_mask" in batch.schema.names)
        if schema is not QUARANTINE:
            self._count(batch, targets_refused="num_targets")
            self._counts["targets_unknown"] += batch.column("num_targets").null_count
        if self._quarantine is None:
            name = f"quarantine/part-{self._part}.parquet"
            self._quarantine = ParquetOutput(self._root, name, schema)
        self._quarantine.write(pa.Table.from_batches([batch]).select(schema.names))

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._pending) if self._pending else None
        large = self._pending_tokens >= self._sizes.large_tokens
        self._pending, self._pending_tokens = [], 0
        if table is None or not len(table):
            return
        if self._output is None:
            schema = stored_tokens(self._num_high, masks=self._schema is not TOKENS)
            number = sum(1 for entry in self._entries if entry["kind"] == "documents")
            name = f"documents/part-{self._part}-{number:03d}.parquet"
            self._output = ParquetOutput(
                self._root, name, schema, metadata=self._metadata, statistics=["length"]
            )
        table = in_halves(table, self._num_high)
        self._ids_hash.add(table)
        self._output_tokens += int(table.column("length").to_numpy().sum(dtype=np.int64))
        self._output.write(table)
        if large:  # encoding took twice the bytes of the tokens
            give_back()
        if self._output_tokens >= self._sizes.file_tokens:
            self._finish_file()

    def _finish_file(self) -> None:
        if self._output is None:
            return
        digest = self._ids_hash.hexdigest()
        self._entries.append(self._output.close("documents", self._output_tokens, digest))
        self._output, self._output_tokens, self._ids_hash = None, 0, IdsHash()


def read_token_file(path: str, *, batch_rows: int = 4096) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the batches of a token file in order, each with the row number of its first row. They
    have the file's columns: stored_ids.whole_ids or stored_ids.halves_of makes them alike in all
    formats."""
    row = 0
    with open_own_parquet(path) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, use_threads=False)
            for batch in table.to_batches(max_chunksize=batch_rows):
                yield row, batch
                row += len(batch)


def slices(
    tokens: pa.Array,
    row: np.ndarray,
    start: np.ndarray,
    length: np.ndarray,
    *,
    kind: str | np.dtype[Any] = "<i4",
) -> pa.Array:
    """Return the ids tokens[row][start : start + length] of many pieces, as a BINARY column. Of
    loss masks, a token is a byte: kind "u1". Of `low` it is "<u2".

    Pieces that follow each other without gaps, such as those of whole documents, are not copied.
    """
    ids = binary_values(tokens).view(kind)
    size = ids.itemsize
    in_bytes = np.frombuffer(tokens.buffers()[1], dtype=np.int32)
    offsets = in_bytes[tokens.offset : tokens.offset + len(tokens) + 1].astype(np.int64) // size
    assert (offsets[row] + start + length <= offsets[row + 1]).all(), "the store has changed"
    begin = offsets[row] - offsets[0] + start
    ends = np.cumsum(length)
    if len(begin) and not (begin[1:] == (begin + length)[:-1]).all():
        ids = ids[np.repeat(begin - (ends - length), length) + np.arange(int(length.sum()))]
    elif len(begin):
        ids = ids[begin[0] : begin[0] + ends[-1]]
    return binary_of(np.ascontiguousarray(ids), length)


def read_lengths(path: str) -> pa.ChunkedArray:
    """Return the lengths of the documents in a token file. Its tokens are not read."""
    with open_own_parquet(path) as file:
        return file.read(columns=["length"], use_threads=False).column("length")
