"""From documents to fragments: what the long-document policy keeps of each document, and where it
is cut."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Int64: TypeAlias = npt.NDArray[np.int64]
LongDocuments: TypeAlias = Literal["split", "truncate", "truncate_turns", "drop", "error", "slide"]


@dataclass(frozen=True, kw_only=True)
class Fragments:
    """Pieces of documents, in order of document and start, as parallel arrays with one number per
    fragment. The BOS before a later fragment is no token of the document: it counts in `length`,
    and `start` is the place of the token after it."""

    document: Int64  # index of the document in the array that was cut
    start: Int64  # first token of the document in it, counted in the document
    length: Int64  # tokens


def default_policy(*, masks: bool) -> LongDocuments:
    """Return the policy if none is named. Documents with loss masks are packed whole."""
    return "error" if masks else "split"


def kept_lengths(lengths: Int64, seq_len: int, long_documents: LongDocuments) -> Int64:
    """Return how many tokens of each document are packed. A document within seq_len is always kept
    whole. `error` packs no longer ones at all. Of `truncate_turns`, which needs the masks, it is
    the most that may be kept (core.kept_targets tells it exactly).

    Lengths [5, 3] at 4 -> split and slide [5, 3], truncate [4, 3], drop [0, 3].
    """
    if long_documents in ("split", "error", "slide"):
        return lengths
    if long_documents in ("truncate", "truncate_turns"):
        return np.minimum(lengths, seq_len)
    return np.where(lengths > seq_len, 0, lengths)


def cut_documents(kept: Int64, seq_len: int, overlap: int = 0, bos: int = 0) -> Fragments:
    """Cut each document at multiples of seq_len: kept [5, 3] at 4 -> [4], [1] and [3].

    Each fragment after the first begins with `bos` tokens that are not the document's (0 or 1),
    then with the `overlap` tokens before it. Kept [9] at 8, overlap 3 -> [8] and [4], which starts
    at 5. Kept [17] at 8, bos 1 -> [8], [8] from 8 and [3] from 15.
    """
    num_fragments = (kept > 0) + later_fragments(kept, seq_len, overlap + bos)
    document = np.repeat(np.arange(len(kept), dtype=np.int64), num_fragments)
    rank = rank_in_run(num_fragments)
    begin = rank * (seq_len - overlap - bos)  # as if BOS were a token of the document
    return Fragments(
        document=document,
        start=begin + bos * (rank > 0),
        length=np.minimum(kept[document] - begin, seq_len),
    )


def later_fragments(kept: Int64, seq_len: int, prefix: int = 0) -> Int64:
    """Return how many fragments each document has after the first, if each of these begins with
    `prefix` tokens that are not new: kept [8, 9, 17] at 8, prefix 3 -> [0, 1, 2]."""
    return np.asarray(-(-np.maximum(kept - seq_len, 0) // (seq_len - prefix)))


def cut_stream(kept: Int64, seq_len: int) -> tuple[Fragments, Int64]:
    """Concatenate the documents in the order given and cut every seq_len tokens: this is the
    baseline.

    Returns the fragments and the sequence of each. Kept [3, 4] at 4 -> fragments [3], [1], [3] in
    sequences [0, 0, 1].
    """
    end = np.cumsum(kept)
    begin = end - kept
    first = begin // seq_len
    last = (end - 1) // seq_len
    num_fragments = np.where(kept > 0, last - first + 1, 0)
    document = np.repeat(np.arange(len(kept), dtype=np.int64), num_fragments)
    sequence = first[document] + rank_in_run(num_fragments)
    left = np.maximum(begin[document], sequence * seq_len)
    right = np.minimum(end[document], (sequence + 1) * seq_len)
    fragments = Fragments(document=document, start=left - begin[document], length=right - left)
    return fragments, sequence


def count_fragments(
    lengths: Int64,
    counts: Int64,
    seq_len: int,
    long_documents: LongDocuments,
    prefix: int = 0,
) -> Int64:
    """Return the histogram of fragment lengths, computed from a histogram of document lengths.

    `lengths` holds distinct lengths in tokens, `counts` the number of documents of each. Fragments
    after the first begin with `prefix` tokens that are not new. Returns an array of seq_len + 1
    counts. Lengths [5, 3] x counts [2, 1] at 4 -> two of 4, two of 1, one of 3.
    """
    kept = kept_lengths(lengths, seq_len, long_documents)
    histogram = np.zeros(seq_len + 1, dtype=np.int64)
    full, rest = np.divmod(np.maximum(kept - seq_len, 0), seq_len - prefix)
    np.add.at(histogram, np.minimum(kept, seq_len), counts)
    np.add.at(histogram, np.where(rest > 0, rest + prefix, 0), counts)
    histogram[0] = 0
    histogram[seq_len] += int((full * counts).sum())
    return histogram


def aligned(lengths: Int64, align: int) -> Int64:
    """Return the lengths, rounded up to multiples of `align`: [3, 5, 8] at 4 -> [4, 8, 8]."""
    return lengths if align == 1 else -(-lengths // align) * align


def stable_order(keys: npt.NDArray[np.integer[Any]]) -> Int64:
    """Return np.argsort(keys, kind="stable") for keys >= 0.

    numpy sorts keys of 8 and 16 bits by radix and longer ones by comparison. Sorting a million
    places among 500 takes 9 ns each with 16-bit keys, and 50 ns with 32-bit keys.
    """
    largest = int(keys.max(initial=0))
    return np.argsort(keys.astype(np.min_scalar_type(largest)), kind="stable")


def rank_in_run(run_lengths: Int64) -> Int64:
    """Return the rank of every element within its run: run lengths [2, 0, 3] -> [0, 1, 0, 1, 2]."""
    run_start = np.cumsum(run_lengths) - run_lengths
    return np.arange(int(run_lengths.sum()), dtype=np.int64) - np.repeat(run_start, run_lengths)
