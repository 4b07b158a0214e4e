"""Rows as an IndexedDataset of Megatron-Core: NAME.bin holds the ids, NAME.idx where each row is.

Each row is a sequence, and a document of its own, of seq_len ids. The .bin is the ids of all rows
end to end, little-endian, uint16 if the vocabulary has less than 65,500 entries and else int32, as
Megatron's own tools choose. The .idx is, all little-endian:

    9 bytes             "MMIDIDX" and two zeros
    uint64, uint8       version 1; the type of the ids, 4 for int32 and 8 for uint16
    uint64, uint64      number of sequences N, and of document indices N + 1
    int32[N]            ids of each sequence
    int64[N]            byte in the .bin where each begins
    int64[N + 1]        first sequence of each document, and N

Megatron restarts positions, attention and loss behind each EOS, and knows no other border. So a
document must end with EOS where another segment follows it in its row.

Source: megatron/core/datasets/indexed_dataset.py of Megatron-Core 0.16 (_IndexWriter, DType).
"""

import struct

import numpy as np
import numpy.typing as npt

from bfpack_spark.exporting.rows import Rows

IDS = "<i4"  # as in the shards
_UINT16_BELOW = 65500
_CODES = {"<u2": 8, IDS: 4}


def type_of_ids(vocabulary_size: int) -> str:
    """Return numpy's name of the type of the ids: "<u2" or IDS."""
    return "<u2" if vocabulary_size < _UINT16_BELOW else IDS


def bytes_of_ids(rows: Rows, kind: str) -> npt.NDArray[np.uint8]:
    """Return what the .bin holds of some rows."""
    return rows.ids.reshape(-1).astype(kind, copy=False).view(np.uint8)


def bytes_of_index(num_rows: int, seq_len: int, kind: str) -> bytes:
    """Return the .idx of so many rows."""
    head = struct.pack("<9sQBQQ", b"MMIDIDX\0\0", 1, _CODES[kind], num_rows, num_rows + 1)
    lengths = np.full(num_rows, seq_len, dtype="<i4")
    pointers = np.arange(num_rows, dtype="<i8") * (seq_len * np.dtype(kind).itemsize)
    documents = np.arange(num_rows + 1, dtype="<i8")
    return b"".join([head, lengths.tobytes(), pointers.tobytes(), documents.tobytes()])


def restarts_elsewhere(rows: Rows, eos_id: int) -> tuple[int | None, int]:
    """Return the first row with a segment that another one follows and that does not end with EOS
    (None: there is none), and the number of EOS inside documents, where Megatron restarts too.

    EOS 0, [5 6 0 | 7 0 8 0 | 9 9] -> (None, 1), the one behind 7; [5 6 | 7 0] -> row 0
    """
    ends = np.cumsum(rows.seq_lengths, dtype=np.int64)
    row = np.repeat(np.arange(len(rows)), rows.num_segments)
    is_last = np.diff(row, append=-1) != 0
    flat = rows.ids.reshape(-1)
    ends_with_eos = flat[ends - 1] == eos_id
    open_ended = np.flatnonzero(~ends_with_eos & ~is_last)
    padding = rows.is_padding
    begins = ends - rows.seq_lengths
    in_padding = sum(
        np.count_nonzero(flat[begin:end] == eos_id)
        for begin, end in zip(begins[padding].tolist(), ends[padding].tolist(), strict=True)
    )
    everywhere = np.count_nonzero(flat == eos_id)
    inside = everywhere - in_padding - np.count_nonzero(ends_with_eos & ~padding)
    first = rows.first + int(row[open_ended[0]]) if len(open_ended) else None
    return first, int(inside)
