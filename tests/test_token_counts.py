"""What scripts/bench/token_counts.py counts, against pieces of documents that a test makes."""

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

Piece = tuple[int, int, int]  # document, first token, and the one behind the last


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


token_counts = _load("token_counts")


def count(lengths: list[int], rows: list[list[Piece]], seq_len: int) -> dict[str, int]:
    """What is counted in rows of these pieces."""
    documents = np.array(lengths, dtype=np.int64)
    ids = np.split(token_counts.make_ids(documents), np.cumsum(documents)[:-1])
    made = [np.concatenate([ids[d][begin:end] for d, begin, end in row]) for row in rows]
    flat = np.concatenate([*made, np.empty(0, dtype=np.int64)])
    sizes = np.array([len(row) for row in made], dtype=np.int64)
    return vars(token_counts.count_tokens(documents, flat, sizes, seq_len))


def expected(lengths: list[int], rows: list[list[Piece]], seq_len: int) -> dict[str, int]:
    """The same, token by token; two pieces that continue each other in a row are one."""
    times = {(d, place): 0 for d, length in enumerate(lengths) for place in range(length)}
    whole = set()
    for row in rows:
        tokens = [(d, place) for d, begin, end in row for place in range(begin, end)]
        for token in tokens:
            times[token] += 1
        for d, length in enumerate(lengths):
            wanted = [(d, place) for place in range(length)]
            if any(tokens[at : at + length] == wanted for at in range(len(tokens))):
                whole.add(d)
    cut = [length for d, length in enumerate(lengths) if d not in whole]
    return {
        "sequences": len(rows),
        "longest": max((sum(end - begin for _, begin, end in row) for row in rows), default=0),
        "documents_cut": len(cut),
        "fitting_documents_cut": sum(length <= seq_len for length in cut),
        "tokens_lost": sum(number == 0 for number in times.values()),
        "tokens_repeated": sum(max(number - 1, 0) for number in times.values()),
    }


@st.composite
def packings(draw: st.DrawFn) -> tuple[list[int], list[list[Piece]]]:
    """Documents in pieces, of which some are left out and some are there again, in rows. An EOS
    alone is not repeated and comes first in its row, since those of two documents are alike."""
    lengths = draw(st.lists(st.integers(2, 9), min_size=1, max_size=8))
    pieces: list[Piece] = []
    for d, length in enumerate(lengths):
        cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=2)))
        for begin, end in zip([0, *cuts], [*cuts, length], strict=True):
            alone = begin == length - 1
            pieces += [(d, begin, end)] * draw(st.integers(0, 1 if alone else 2))
    order = draw(st.permutations(pieces))
    rows: list[list[Piece]] = [[] for _ in order]
    for piece in order:
        rows[draw(st.integers(0, len(rows) - 1))].append(piece)
    for row in rows:
        row.sort(key=lambda piece: piece[1] != lengths[piece[0]] - 1)
    return lengths, [row for row in rows if row]


@given(packings(), st.integers(2, 9))
def test_counts_are_those_of_every_token_looked_at(
    packing: tuple[list[int], list[list[Piece]]], seq_len: int
) -> None:
    lengths, rows = packing
    assert count(lengths, rows, seq_len) == expected(lengths, rows, seq_len)


# Lengths, rows, seq_len, and what is counted, in the order of `expected`.
BY_HAND: dict[str, tuple[list[int], list[list[Piece]], int, list[int]]] = {
    "all kept": ([3, 5, 2], [[(1, 0, 5)], [(0, 0, 3), (2, 0, 2)]], 5, [2, 5, 0, 0, 0, 0]),
    "too long": ([7], [[(0, 0, 5)], [(0, 5, 7)]], 5, [2, 5, 1, 0, 0, 0]),
    "fits and is cut": ([4], [[(0, 0, 2)], [(0, 2, 4)]], 5, [2, 2, 1, 1, 0, 0]),
    "a tail lost with its EOS": ([7, 4], [[(0, 0, 5)], [(1, 0, 4)]], 5, [2, 5, 1, 0, 2, 0]),
    "an overlap": ([6], [[(0, 0, 4)], [(0, 3, 6)]], 9, [2, 4, 1, 1, 0, 1]),
    "side by side": ([6], [[(0, 0, 4), (0, 4, 6)]], 9, [1, 6, 0, 0, 0, 0]),
    "EOS it lacked": ([3, 4], [[(0, 0, 2)], [(0, 2, 3), (1, 0, 4)]], 4, [2, 5, 1, 1, 0, 0]),
    "EOS it has": ([3, 4], [[(0, 2, 3), (1, 0, 4)], [(0, 0, 3)]], 4, [2, 5, 0, 0, 0, 1]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_counts_of_a_few_pieces_by_hand(name: str) -> None:
    *packing, counts = BY_HAND[name]
    assert list(count(*packing).values()) == counts


def test_an_eos_is_that_of_the_token_before_it_in_its_row_alone() -> None:
    other_row = count([3, 4], [[(0, 0, 2)], [(1, 3, 4)], [(0, 0, 3), (1, 0, 3)]], 9)
    assert (other_row["tokens_lost"], other_row["tokens_repeated"]) == (0, 2)
    not_the_end = count([4, 2], [[(0, 0, 2), (1, 1, 2)], [(0, 2, 4), (1, 0, 1)]], 9)
    assert (not_the_end["tokens_lost"], not_the_end["tokens_repeated"]) == (0, 0)


def test_padding_among_the_ids_is_an_error() -> None:
    lengths, rows = np.array([3, 2]), np.array([5])
    for id_ in (-1, 2, 6):
        ids = np.array([0, 1, 5, 3, id_])
        with pytest.raises(ValueError, match="ids that the corpus does not have"):
            token_counts.count_tokens(lengths, ids, rows, 8)
    with pytest.raises(ValueError, match="fewer than 2 tokens"):
        token_counts.make_ids(np.array([3, 1]))
