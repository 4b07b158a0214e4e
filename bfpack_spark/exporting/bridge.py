"""Rows as the packed Parquet of Megatron-Bridge, for fine-tuning.

A row has the ids of its documents without padding, where each segment begins, and a mask that is
aligned with the labels: loss_mask[t] is 1 where the token at t + 1 is a target. So it is 0 on the
last token of each segment, whose label would lie in another one. Rows of padding alone have no
place in it.

    ids [5 6 7 | 8 9 | padding], targets 6, 7 and 9 -> input_ids [5 6 7 8 9], seq_start_id [0 3],
    loss_mask [1 1 0 1 0]

Megatron-Bridge takes the ids of a segment but its last as input, and those but its first as labels,
beside the mask of those but its last. It needs its vocabulary's EOS only to fill rows.

Source: megatron/bridge/data/packing (parquet.py, gpt_sft.py, algorithms.py) of megatron-bridge 0.6.
"""

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.exporting.rows import Rows
from bfpack_spark.schema import BRIDGE, plain


def table_of(rows: Rows) -> pa.Table:
    """Return what a file holds of some rows. Without a loss mask, every token is a target but the
    first of each segment."""
    num_rows, seq_len = rows.ids.shape
    lengths = rows.seq_lengths.astype(np.int64)
    begins = np.cumsum(lengths) - lengths
    is_target = np.ones((num_rows, seq_len), dtype=np.int8)
    if rows.loss_mask is not None:
        is_target = rows.loss_mask.copy()
    is_real = np.repeat(~rows.is_padding, lengths)
    is_target.reshape(-1)[begins] = 0  # also the first of the padding, so none behind it matters
    aligned = np.zeros_like(is_target)
    aligned[:, :-1] = is_target[:, 1:]
    row = np.repeat(np.arange(num_rows), rows.num_segments)[~rows.is_padding]
    held = lengths[~rows.is_padding]
    tokens = np.bincount(row, weights=held, minlength=num_rows).astype(np.int64)
    starts = np.cumsum(held) - held - (np.cumsum(tokens) - tokens)[row]
    columns = {
        "input_ids": _lists(tokens, rows.ids.reshape(-1)[is_real]),
        "loss_mask": _lists(tokens, aligned.reshape(-1)[is_real]),
        "seq_start_id": _lists(np.bincount(row, minlength=num_rows), starts.astype(np.int32)),
    }
    return pa.table(columns, schema=plain(BRIDGE))


def _lists(sizes: Int64, values: np.ndarray) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
