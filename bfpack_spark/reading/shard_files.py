"""Row groups of shards as numpy arrays, on Arrow's buffers and without pandas.

`Array.to_numpy()` imports pandas, which takes 0.8 s of CPU, so the buffers are taken themselves.
The columns that are read are those of which a batch cannot be computed: ids and lengths. Which
segments are padding is told by doc_ids; they are read only where the footer says that a row of the
group has padding.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import JobError
from bfpack_spark.files import access
from bfpack_spark.reading.sources import Source

Int32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
_FILES_MAX = 64  # open shards, of all sources together


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of a row group."""

    input_ids: Int32  # [rows, seq_len]
    seq_lengths: Int32  # [segments], of all rows end to end
    begins: list[int]  # [rows + 1]: first segment of each row, and the end
    is_padding: Bools | None  # [segments]; None: no row has padding
    loss_mask: npt.NDArray[np.int8] | None  # [rows, seq_len]
    num_repeated: Int32 | None  # [segments]: first tokens that an earlier fragment has, and BOS
    first: int  # sequence_id of the first row
    source: int


class DamageError(Exception):
    """A shard does not hold what its manifest says. The message names the file and the row
    group."""


class ShardFiles:
    """Open shards of some sources, and their row groups. One thread at a time may use it."""

    def __init__(self, sources: list[Source], verify: str) -> None:
        self._sources, self._verify = sources, verify
        self._files: OrderedDict[tuple[int, int], _OpenShard] = OrderedDict()
        self._hashed: set[tuple[int, int]] = set()
        self._firsts = [
            np.concatenate([[0], np.cumsum(source.shard_rows)]).tolist() for source in sources
        ]
        self.num_rows_decoded = 0

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def read(self, source: int, shard: int, group: int) -> Group:
        """Return a row group. Raises DamageError if it is not what it should be."""
        held = self._sources[source]
        begin = group * held.group_rows
        first = int(self._firsts[source][shard])
        rows = held.rows_of(shard, group)
        try:
            file = self._open(source, shard)
            found = file.read(group, rows, first + begin, source)
        except (pa.ArrowException, OSError, JobError, ValueError, IndexError) as error:
            why = " ".join(str(error).split()).removesuffix(".")
            raise DamageError(
                f"{held.path_of(shard)}: row group {group} cannot be read ({why})"
            ) from None
        self.num_rows_decoded += rows
        return found

    def documents(self, source: int, shard: int, group: int) -> pa.Table:
        """Return the columns of a row group that tell the documents."""
        file = self._open(source, shard).file
        names = ["sequence_id", "seq_lengths", "doc_ids", "doc_starts", "doc_lengths"]
        return file.read_row_group(group, columns=names, use_threads=False)

    def _open(self, source: int, shard: int) -> "_OpenShard":
        key = (source, shard)
        if key in self._files:
            self._files.move_to_end(key)
            return self._files[key]
        if len(self._files) >= _FILES_MAX:
            self._files.popitem(last=False)[1].close()
        held = self._sources[source]
        if self._verify == "sha256" and key not in self._hashed:
            self._check_hash(held, shard)
            self._hashed.add(key)
        file = _OpenShard(held, shard)
        self._files[key] = file
        return file

    def _check_hash(self, source: Source, shard: int) -> None:
        listed = source.facts.shards[shard]
        if access.size_and_sha256(source.path_of(shard)) != (listed.num_bytes, listed.sha256):
            raise JobError("its sha256 is not that of the manifest")


class _OpenShard:
    """A shard that is open, with its footer."""

    def __init__(self, source: Source, shard: int) -> None:
        path, listed = source.path_of(shard), source.facts.shards[shard]
        self._seq_len = source.seq_len
        self._opened = access.open_parquet(path)
        self.file: pq.ParquetFile = self._opened.__enter__()
        self._metadata = self.file.metadata
        if self._metadata.num_rows != listed.rows:
            raise JobError(f"it has {self._metadata.num_rows} rows, and the manifest {listed.rows}")
        schema = self._metadata.schema
        self._columns = {schema.column(n).path.partition(".")[0]: n for n in range(len(schema))}
        self._has_masks = "loss_mask" in self._columns
        self._num_repeated = source.facts.num_repeated

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    def read(self, number: int, rows: int, first: int, source: int) -> Group:
        facts = self._metadata.row_group(number)
        self._check(facts, rows, first)
        padded = _statistics(facts, self._columns["num_padding"]).max > 0
        names = ["input_ids", "seq_lengths"]
        names += ["doc_ids"] if padded else []
        names += ["loss_mask"] if self._has_masks else []
        names += ["doc_starts"] if self._num_repeated else []
        table = self.file.read_row_group(number, columns=names, use_threads=False)
        lengths, offsets = _lists(table, "seq_lengths", np.int32)
        ids = self._matrix(table, "input_ids", np.int32, rows)
        if int(lengths.sum(dtype=np.int64)) != rows * self._seq_len:
            raise JobError("its seq_lengths do not sum to its tokens")
        return Group(
            input_ids=ids,
            seq_lengths=lengths,
            begins=offsets.tolist(),
            is_padding=_is_null(table, "doc_ids", len(lengths)) if padded else None,
            loss_mask=self._matrix(table, "loss_mask", np.int8, rows) if self._has_masks else None,
            num_repeated=self._repeated(table, len(lengths)),
            first=first,
            source=source,
        )

    def _repeated(self, table: pa.Table, num_segments: int) -> Int32 | None:
        if not self._num_repeated:
            return None
        starts, _ = _lists(table, "doc_starts", np.int64)
        if len(starts) != num_segments:
            raise JobError(f"doc_starts has {len(starts)} values, and seq_lengths {num_segments}")
        return np.where(starts > 0, np.int32(self._num_repeated), np.int32(0))

    def _check(self, facts: Any, rows: int, first: int) -> None:
        begin = _statistics(facts, self._columns["sequence_id"]).min
        if (facts.num_rows, begin) != (rows, first):
            raise JobError(
                f"it holds {facts.num_rows} rows from {begin} on, and not {rows} from {first} on"
            )

    def _matrix(self, table: pa.Table, name: str, kind: Any, rows: int) -> Any:
        values, offsets = _lists(table, name, kind)
        if not (offsets == np.arange(rows + 1) * self._seq_len).all():
            raise JobError(f"{name} does not hold {self._seq_len} values in each row")
        return values.reshape(rows, self._seq_len)


def _statistics(facts: Any, column: int) -> Any:
    statistics = facts.column(column).statistics
    if statistics is None:
        raise JobError("its footer lacks statistics")
    return statistics


def _whole(table: pa.Table, name: str) -> pa.ListArray:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _lists(table: pa.Table, name: str, kind: Any) -> tuple[npt.NDArray[Any], Int64]:
    """Return the values of a column of lists end to end, and where each list begins, and the
    end."""
    lists = _whole(table, name)
    offsets = np.frombuffer(lists.buffers()[1], dtype=np.int32)
    offsets = offsets[lists.offset : lists.offset + len(lists) + 1].astype(np.int64)
    values = lists.values
    if lists.null_count or values.null_count:
        raise JobError(f"{name} holds a null")
    held = np.frombuffer(values.buffers()[1] or b"", dtype=kind)
    return held[values.offset :][offsets[0] : offsets[-1]], offsets - offsets[0]


def _is_null(table: pa.Table, name: str, num_values: int) -> Bools:
    """Return which values of a column of lists are null. The values themselves are not touched:
    `flatten` would copy all texts."""
    lists = _whole(table, name)
    offsets, values = lists.buffers()[1], lists.values
    begin, end = np.frombuffer(offsets, dtype=np.int32)[[lists.offset, lists.offset + len(lists)]]
    if end - begin != num_values:
        raise JobError(f"{name} has {end - begin} values, and seq_lengths {num_values}")
    bitmap = values.buffers()[0]
    if bitmap is None:
        return np.zeros(num_values, dtype=np.bool_)
    first = values.offset + int(begin)
    bits = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), bitorder="little")
    return ~bits[first : first + num_values].view(np.bool_)
