"""Conversations packed whole into rows with loss masks, for trainers: 3 rows of 256 tokens a step.

The rows hold what our code makes of the conversations; what a trainer is held against is what
transformers makes of them.
"""

import hashlib
import random
from pathlib import Path
from typing import Any

import chats
import numpy as np
import pyarrow as pa
from made_output import write_manifest

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import SEQUENCES, plain, with_masks
from bfpack_spark.tokenizing.outcomes import Targeted
from bfpack_spark.tokenizing.tokenize_conversations import tokenize_conversations

SEQ_LEN = 256
STYLE = "chatml"
Messages = list[dict[str, Any]]


def conversations(num: int = 60) -> dict[str, Messages]:
    """Conversations by name that fit in a row."""
    draw = random.Random(3)
    rows = [chats.some_conversation(draw, STYLE)[0] for _ in range(num)]
    outcomes = tokenize_conversations([(row, None) for row in rows], chats.spec_of(STYLE))
    return {
        f"c{number}": row
        for number, (row, made) in enumerate(zip(rows, outcomes, strict=True))
        if isinstance(made, Targeted) and len(made.ids) <= SEQ_LEN and made.loss_mask[1:].any()
    }


def write_rows(output: Path, held: dict[str, Messages]) -> None:
    """Pack them first fit, and publish them as bucket `chats`."""
    rows = [(messages, None) for messages in held.values()]
    made = tokenize_conversations(rows, chats.spec_of(STYLE, "fastokens"))
    bins: list[list[tuple[str, Targeted]]] = []
    for name, one in zip(held, made, strict=True):
        assert isinstance(one, Targeted)
        fits = (b for b in bins if sum(len(x.ids) for _, x in b) + len(one.ids) <= SEQ_LEN)
        next(fits, bins.append([]) or bins[-1]).append((name, one))
    bins = [held for held in bins if held]
    fingerprint = hashlib.sha256(b"chats").hexdigest()
    version = output / "chats" / f"sequences-{SEQ_LEN}" / fingerprint[:16]
    version.mkdir(parents=True)
    schema = with_masks(SEQUENCES, masks=True)
    file = ParquetOutput(str(version), "shards/part-00000.parquet", schema)
    table = [_row(number, content) for number, content in enumerate(bins)]
    file.write(pa.Table.from_pylist(table, schema=plain(schema)))
    files = [file.close("shards", len(bins) * SEQ_LEN, None)]
    write_manifest(version, fingerprint, files, bucket="chats", seq_len=SEQ_LEN, formats=2)


def _row(number: int, content: list[tuple[str, Targeted]]) -> dict[str, Any]:
    ids = np.concatenate([one.ids for _, one in content])
    mask = np.concatenate([one.loss_mask for _, one in content])
    lengths = [len(one.ids) for _, one in content]
    left = SEQ_LEN - len(ids)
    names: list[str | None] = [name for name, _ in content]
    return {
        "sequence_id": number,
        "input_ids": np.append(ids, np.zeros(left, np.int32)),
        "loss_mask": np.append(mask, np.zeros(left, np.uint8)),
        "seq_lengths": [*lengths, left] if left else lengths,
        "doc_ids": [*names, None] if left else names,
        "doc_starts": [0] * (len(lengths) + bool(left)),
        "doc_lengths": [*lengths, 0] if left else lengths,
        "num_tokens": SEQ_LEN - left,
        "num_padding": left,
        "bucket": "chats",
    }
