"""Texts on their way into an engine, and their ids on the way out."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64

Ids: TypeAlias = npt.NDArray[np.int32]

_ALONE = 1 << 20  # characters of one call


def is_long(text: str) -> bool:
    """Tell whether a text is given to an engine alone, and in pieces if it can be cut."""
    return len(text) > _ALONE


def batches(texts: list[str]) -> Iterator[list[str]]:
    """Yield the texts that an engine is given at once; a long text is alone."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (size + len(text) > _ALONE):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def end_to_end(parts: Sequence[Ids | None]) -> tuple[Ids, Int64]:
    """Return the ids of texts end to end, and the number of ids of each (-1 where it is None)."""
    lengths = np.array([-1 if part is None else len(part) for part in parts], dtype=np.int64)
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else np.empty(0, dtype=np.int32), lengths


def parts_of_batch(ids: Ids, lengths: Int64) -> list[Ids]:
    """Return the ids of each text, none for a text that cannot be spelled."""
    ends = np.cumsum(np.maximum(lengths, 0))
    return [ids[end - max(n, 0) : end] for end, n in zip(ends, lengths, strict=True)]
