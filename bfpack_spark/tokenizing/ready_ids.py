"""Ids that the user's own tokenizer has made: they are checked, and taken as they are."""

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.columns import is_binary
from bfpack_spark.corpus.documents import Documents
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.ids_of_texts import Ids
from bfpack_spark.tokenizing.vocabulary import Vocabulary


def ready_ids(
    documents: Documents, vocabulary: Vocabulary, *, ids_max: int = 1 << 28
) -> tuple[Ids, Int64]:
    """Return the ids that the user gives, end to end, and the number of ids of each document. A
    document with wrong ids is refused, or with more than `ids_max` (a GiB of tokens)."""
    content = documents.content
    parts: list[Ids] = []
    lengths = np.zeros(len(documents), dtype=np.int64)
    for index in documents.good():
        ids, problem = _one_documents_ids(content[index], vocabulary.size)
        if ids is None:
            documents.refuse(index, Reason.NULL, "null instead of tokens")
        elif len(ids) > ids_max:
            documents.refuse(index, Reason.TOO_LARGE, f"{len(ids)} ids, limit {ids_max}")
        elif problem:
            documents.refuse(index, Reason.INVALID_TOKENS, problem)
        else:
            lengths[index] = len(ids)
            if not len(ids):
                documents.refuse(index, Reason.EMPTY, "no tokens")
            parts.append(ids)
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    return flat.astype(np.int32, copy=False), lengths


def integers_of(value: pa.Scalar, where: str, what: str = "bytes") -> np.ndarray | str:
    """Return the integers of a list, or of int32 as binary, or what is wrong with them."""
    if is_binary(value.type):
        raw = value.as_buffer()
        if raw.size % 4:
            return f"{raw.size} {what}, not a multiple of 4"
        return np.frombuffer(raw, dtype="<i4")
    if value.values.null_count:
        return f"a null {where}"
    return np.asarray(value.values.to_numpy(zero_copy_only=False))


def _one_documents_ids(value: pa.Scalar, size: int) -> tuple[np.ndarray | None, str | None]:
    if not value.is_valid:
        return None, None
    ids = integers_of(value, "among the ids")
    if isinstance(ids, str):
        return np.empty(0), ids
    wrong = np.flatnonzero((ids < 0) | (ids >= size))
    if len(wrong):
        place = int(wrong[0])
        return ids, f"id {ids[place]} at token {place}, vocabulary of {size}"
    return ids, None
