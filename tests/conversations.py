"""Conversations that are tokenized already, and what their rows must hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import Bfpack
from outputs import current, segments, shard_rows
from trained import byte_level

EOS, PAD = 0, 1
BUCKET = "chats"


@dataclass(frozen=True)
class Conversation:
    """A conversation, and what becomes of it as a document: EOS at its end."""

    name: str
    ids: list[int]
    mask: list[int]

    @property
    def labels(self) -> list[int]:
        return [
            token if target else -100 for token, target in zip(self.ids, self.mask, strict=True)
        ]

    @property
    def stored(self) -> tuple[list[int], list[int]]:
        """Ids and mask with EOS, which is a target if the token before it is one."""
        return [*self.ids, EOS], [*self.mask, self.mask[-1]]


def conversations(num: int, turns_max: int = 6, seed: int = 0) -> list[Conversation]:
    """Turns of user and assistant in turn, of 1 to 39 tokens each; targets are the assistant's."""
    rng = np.random.default_rng(seed)
    out = []
    for number in range(num):
        ids: list[int] = []
        mask: list[int] = []
        for turn in range(2 * int(rng.integers(1, turns_max + 1))):
            length = int(rng.integers(1, 40))
            ids += rng.integers(2, 300, length).tolist()
            mask += [turn % 2] * length
        out.append(Conversation(f"c{number}", ids, mask))
    return out


def write(folder: Path, held: Sequence[Conversation], **kinds: pa.DataType) -> Path:
    """One Parquet file of the conversations, with labels and masks."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "id": pa.array([c.name for c in held]),
        "ids": pa.array([c.ids for c in held], kinds.get("ids", pa.list_(pa.int32()))),
        "mask": pa.array([c.mask for c in held], kinds.get("mask", pa.list_(pa.int8()))),
        "labels": pa.array([c.labels for c in held], pa.list_(pa.int64())),
    }
    pq.write_table(pa.table(columns), folder / "a.parquet")
    return folder


def write_tokenizer(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    byte_level().save(str(folder / "tokenizer.json"))
    return folder


def options(tmp: Path, given: Path, *more: object) -> list[object]:
    """What `bfpack pack` takes, but for --seq-len and the column of targets."""
    tokenizer = tmp / "tokenizer"
    if not tokenizer.exists():
        write_tokenizer(tokenizer)
    where = ["--input", given, "--tokenizer", tokenizer, "--output", tmp / "out"]
    columns = ["--bucket", BUCKET, "--id-column", "id", "--tokens-column", "ids"]
    return [*where, *columns, "--pad-token", "<|pad|>", *more]


def pack(bfpack: Bfpack, tmp: Path, given: Path, *more: object, seq_len: int = 512) -> Path:
    """Pack them; the directory of the version of sequences."""
    bfpack("pack", *options(tmp, given), "--seq-len", seq_len, *more).succeeds()
    return current(tmp / "out", BUCKET, f"sequences-{seq_len}")


Pieces = dict[str, list[tuple[int, list[int], list[int]]]]


def pieces_of(version: Path) -> Pieces:
    """Of each document: start, ids and mask of its segments; padding is checked to be no target."""
    pieces: Pieces = {}
    rows: list[dict[str, Any]] = shard_rows(version)
    assert rows
    for row in rows:
        assert len(row["loss_mask"]) == len(row["input_ids"])
        for name, start, _, ids, mask in segments(row):
            if name is None:
                assert not any(mask), "padding is a target"
            else:
                pieces.setdefault(name, []).append((start, ids, mask))
    return {name: sorted(held) for name, held in pieces.items()}


def whole(held: Sequence[Conversation]) -> Pieces:
    """What pieces_of gives if each is packed whole."""
    return {c.name: [(0, *c.stored)] for c in held}
