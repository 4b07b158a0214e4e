"""Row groups of shards as numpy arrays.

The columns that are read are those of which a batch cannot be computed: ids and lengths. Which
segments are padding is told by doc_ids; they are read only where the footer says that a row of the
group has padding. The pages of our own files are taken as they lie (files/list_columns.py), in a
third of the time of Arrow, which reads all others. `Array.to_numpy()` imports pandas, which takes
0.8 s of CPU, so Arrow's buffers are taken themselves.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.errors import JobError
from bfpack_spark.files import access
from bfpack_spark.files.list_columns import Bools, Lists, open_lists
from bfpack_spark.reading.sources import Source

Int32 = npt.NDArray[np.int32]
_FILES_MAX = 64  # open shards, of all sources together


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of a row group."""

    input_ids: Int32  # [rows, seq_len]
    seq_lengths: Int32  # [segments], of all rows end to end
    begins: list[int]  # [rows + 1]: first segment of each row, and the end
    is_padding: Bools | None  # [segments]; None: no row has padding
    loss_mask: npt.NDArray[np.int8] | None  # [rows, seq_len]; None: no source has masks
    # [segments]: first tokens that an earlier fragment has, and BOS. None: no source has such.
    num_repeated: Int32 | None
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
        # What one source has, the rows of all have: a batch has the same names wherever it begins.
        self._masked = any(source.facts.has_masks for source in sources)
        self._repeats = any(source.facts.num_repeated for source in sources)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def read(self, source: int, shard: int, group: int) -> Group:
        """Return a row group. Raises DamageError if it is not what it should be."""
        with self._opened(source, shard, group) as file:
            found = file.read(group, source)
        mask, again = found.loss_mask, found.num_repeated
        if self._masked and mask is None:
            mask = np.broadcast_to(np.int8(1), found.input_ids.shape)
        if self._repeats and again is None:
            again = np.zeros_like(found.seq_lengths)
        return replace(found, loss_mask=mask, num_repeated=again)

    def documents(self, source: int, shard: int, group: int) -> pa.Table:
        """Return the columns of a row group that tell the documents. Raises DamageError if it is
        not what it should be."""
        with self._opened(source, shard, group) as file:
            return file.documents(group)

    @contextmanager
    def _opened(self, source: int, shard: int, group: int) -> "Iterator[_OpenShard]":
        """Open a shard, check that it has the rows of a row group, and make what goes wrong then a
        DamageError."""
        held = self._sources[source]
        first = int(self._firsts[source][shard]) + group * held.group_rows
        try:
            file = self._open(source, shard)
            file.check(group, held.rows_of(shard, group), first)
            yield file
        except (pa.ArrowException, OSError, JobError, ValueError, IndexError) as error:
            why = " ".join(str(error).split()).removesuffix(".")
            raise DamageError(
                f"{held.path_of(shard)}: row group {group} cannot be read ({why})"
            ) from None

    def _open(self, source: int, shard: int) -> "_OpenShard":
        key = (source, shard)
        if key in self._files:
            self._files.move_to_end(key)
            return self._files[key]
        if len(self._files) >= _FILES_MAX:
            self._files.popitem(last=False)[1].close()
        held = self._sources[source]
        if self._verify == "sha256" and key not in self._hashed:
            listed = held.facts.shards[shard]
            if access.size_and_sha256(held.path_of(shard)) != (listed.num_bytes, listed.sha256):
                raise JobError("its sha256 is not that of the manifest")
            self._hashed.add(key)
        file = _OpenShard(held, shard)
        self._files[key] = file
        return file


class _OpenShard:
    """A shard that is open, with its footer."""

    def __init__(self, source: Source, shard: int) -> None:
        path, listed = source.path_of(shard), source.facts.shards[shard]
        self._seq_len = source.seq_len
        self._opened = open_lists(path)
        self._lists = self._opened.__enter__()
        self._file: pq.ParquetFile = self._lists.parquet
        self._metadata = self._file.metadata
        if self._metadata.num_rows != listed.rows:
            raise JobError(f"it has {self._metadata.num_rows} rows, and the manifest {listed.rows}")
        self._has_masks = "loss_mask" in self._lists.leaves
        self._num_repeated = source.facts.num_repeated

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    def documents(self, number: int) -> pa.Table:
        names = ["sequence_id", "seq_lengths", "doc_ids", "doc_starts", "doc_lengths"]
        return self._file.read_row_group(number, columns=names, use_threads=False)

    def read(self, number: int, source: int) -> Group:
        rows = self._metadata.row_group(number).num_rows
        padded = self._lists.statistics(number, "num_padding").max > 0
        names = ["input_ids", "seq_lengths"]
        names += ["doc_ids"] if padded else []
        names += ["loss_mask"] if self._has_masks else []
        names += ["doc_starts"] if self._num_repeated else []
        columns = self._lists.read(number, names)
        segments = columns["seq_lengths"]
        lengths = segments.of_numbers()
        if int(lengths.sum(dtype=np.int64)) != rows * self._seq_len:
            raise JobError("its seq_lengths do not sum to its tokens")
        for name in {"doc_ids", "doc_starts"} & columns.keys():
            if not np.array_equal(columns[name].begins, segments.begins):
                raise JobError(f"its {name} and seq_lengths are not parallel")
        mask = repeated = None
        if self._has_masks:
            mask = self._matrix(columns["loss_mask"], "loss_mask", rows).astype(np.int8)
        if self._num_repeated:
            starts = columns["doc_starts"].of_numbers()
            repeated = np.where(starts > 0, np.int32(self._num_repeated), np.int32(0))
        return Group(
            input_ids=self._matrix(columns["input_ids"], "input_ids", rows),
            seq_lengths=lengths,
            begins=segments.begins.tolist(),
            is_padding=columns["doc_ids"].nulls() if padded else None,
            loss_mask=mask,
            num_repeated=repeated,
            first=self._lists.statistics(number, "sequence_id").min,
            source=source,
        )

    def check(self, number: int, rows: int, first: int) -> None:
        """Raise JobError if a row group does not have these rows."""
        facts = self._metadata.row_group(number)
        begin = self._lists.statistics(number, "sequence_id").min
        if (facts.num_rows, begin) != (rows, first):
            raise JobError(
                f"it holds {facts.num_rows} rows from {begin} on, and not {rows} from {first} on"
            )

    def _matrix(self, lists: Lists, name: str, rows: int) -> npt.NDArray[Any]:
        if not np.array_equal(lists.begins, np.arange(rows + 1) * self._seq_len):
            raise JobError(f"{name} does not hold {self._seq_len} values in each row")
        return lists.of_numbers().reshape(rows, self._seq_len)
