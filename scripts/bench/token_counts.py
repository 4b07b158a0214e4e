"""Counts what a packer made of a corpus in which every token can be told from all others.

Documents of 2 tokens or more lie end to end, and a token's number is its place in this line. Every
token's id is its number, save that of EOS, the last of each document, which all documents share. So
an EOS is known by the token before it in its row. One that has none there is taken for that of a
document whose EOS was not seen elsewhere.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Int64: TypeAlias = npt.NDArray[np.int64]

_NOBODYS = -1  # the number of an EOS that no document lacks


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of a corpus; documents that are cut lie nowhere whole in one row."""

    sequences: int
    longest: int  # tokens of the fullest row
    documents_cut: int
    fitting_documents_cut: int  # those of at most seq_len tokens
    tokens_lost: int
    tokens_repeated: int  # 2 for a token that is there three times


def make_ids(lengths: Int64) -> Int64:
    """Return the ids of all documents end to end: lengths [3, 2] -> [0, 1, 5, 3, 5].

    Raises ValueError if a document has fewer than 2 tokens.
    """
    if len(lengths) == 0 or int(lengths.min()) < 2:
        raise ValueError("a document has fewer than 2 tokens, so its EOS is like any other")
    ids = np.arange(int(lengths.sum()), dtype=np.int64)
    ids[np.cumsum(lengths) - 1] = len(ids)
    return ids


def count_tokens(lengths: Int64, ids: Int64, rows: Int64, seq_len: int) -> Counts:
    """Compare rows, given as their ids end to end and the number of ids in each, with the corpus.

    Raises ValueError if the rows hold an id that the corpus does not have, such as padding.
    """
    row_of = np.repeat(np.arange(len(rows)), rows)
    numbers = _number(lengths, ids, row_of)
    owned = numbers[numbers != _NOBODYS]
    times = np.bincount(owned, minlength=int(lengths.sum()))
    whole = _find_whole(lengths, numbers, row_of)
    return Counts(
        sequences=len(rows),
        longest=int(rows.max(initial=0)),
        documents_cut=int((~whole).sum()),
        fitting_documents_cut=int((~whole & (lengths <= seq_len)).sum()),
        tokens_lost=int((times == 0).sum()),
        tokens_repeated=int(np.maximum(times - 1, 0).sum()) + len(numbers) - len(owned),
    )


def _number(lengths: Int64, ids: Int64, row_of: Int64) -> Int64:
    """Return the number of each token of the rows."""
    eos, lasts = int(lengths.sum()), np.cumsum(lengths) - 1
    is_last = np.zeros(eos + 1, dtype=bool)
    is_last[lasts] = True
    if len(ids) and (ids.min() < 0 or ids.max() > eos or is_last[ids].any()):
        raise ValueError("rows hold ids that the corpus does not have")
    follows = np.zeros(len(ids), dtype=bool)
    follows[1:] = (ids[1:] == eos) & (row_of[1:] == row_of[:-1])
    follows[1:] &= is_last[np.minimum(ids[:-1] + 1, eos)]
    numbers = ids.copy()
    numbers[follows] = ids[np.flatnonzero(follows) - 1] + 1
    lone = np.flatnonzero((ids == eos) & ~follows)
    missing = np.setdiff1d(lasts, numbers[follows])[: len(lone)]
    numbers[lone] = _NOBODYS
    numbers[lone[: len(missing)]] = missing
    return numbers


def _find_whole(lengths: Int64, numbers: Int64, row_of: Int64) -> npt.NDArray[np.bool_]:
    """Return for each document whether a row has all of its tokens one after another."""
    begins = np.cumsum(lengths) - lengths
    is_begin = np.zeros(int(lengths.sum()) + 1, dtype=bool)  # the last is that of _NOBODYS
    is_begin[begins] = True
    joined = np.zeros(len(numbers), dtype=bool)  # to the token before
    joined[1:] = (np.diff(numbers) == 1) & (np.diff(row_of) == 0) & ~is_begin[numbers[1:]]
    at = np.flatnonzero(~joined)
    runs, first = np.diff(at, append=len(numbers)), numbers[at]
    known = is_begin[first]
    document = np.searchsorted(begins, first[known])
    whole = np.zeros(len(lengths), dtype=bool)
    whole[document[runs[known] == lengths[document]]] = True
    return whole
