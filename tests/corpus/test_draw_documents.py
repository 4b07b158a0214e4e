"""Draws from a stream of batches: how often each document is taken, and what is known of all."""

from collections import Counter

import numpy as np
import pytest
from core.oracle import as_lengths

from bfpack_spark.corpus.documents import READING, Columns, Document, Documents, batches, refuse
from bfpack_spark.corpus.draw_documents import chances_of, draw_documents

TEXT = Columns(content="text", doc_id=None)


def batches_of(sizes: list[list[int]]) -> list[Documents]:
    """Batches of documents of these sizes, named by their numbers; -1 was refused when read."""
    found, number = [], 0
    for own in sizes:
        documents = []
        for size in own:
            document = Document(source=str(number), doc_id=None, num_bytes=9)
            if size < 0:
                refuse(document, "invalid_utf8", "")
            else:
                document.content = "x" * size
            documents.append(document)
            number += 1
        found.append(next(batches(documents, TEXT, READING)))
    return found


@pytest.mark.parametrize("sizes", [[[1, 5, 14]], [[1], [5], [14]], [[-1, 1, 0, 5], [0], [14, 99]]])
def test_each_document_is_drawn_as_often_as_its_chance_says(sizes: list[list[int]]) -> None:
    """Whatever the batches. Half of the draws go by bytes, 1, 5 and 14 of 20."""
    drawn = draw_documents(batches_of(sizes), 30_000, 20, np.random.default_rng(1))
    taken = np.concatenate([batch.sizes() for batch in drawn.batches])
    assert sorted(taken.tolist()) == [1, 5, 14]
    assert drawn.sizes.tolist() == [1, 5, 14]
    counts = Counter(taken[drawn.chosen].tolist())
    assert sum(counts.values()) == 30_000
    expected = [0.5 / 20 + 0.5 / 3, 0.5 * 5 / 20 + 0.5 / 3, 0.5 * 14 / 20 + 0.5 / 3]
    assert chances_of(drawn.sizes, drawn.sizes) == pytest.approx(expected)
    for size, chance in zip((1, 5, 14), expected, strict=True):
        assert counts[size] / 30_000 == pytest.approx(chance, rel=0.05)


def test_draws_do_not_depend_on_each_other() -> None:
    random, pairs = np.random.default_rng(2), Counter[tuple[int, ...]]()
    for _ in range(1000):
        drawn = draw_documents(batches_of([[4], [6]]), 2, 9, random)
        taken = np.concatenate([batch.sizes() for batch in drawn.batches])
        pairs[tuple(taken[drawn.chosen].tolist())] += 1
    assert len(pairs) == 4
    for pair, count in pairs.items():
        chances = [0.5 * size / 10 + 0.25 for size in pair]
        assert count / 1000 == pytest.approx(chances[0] * chances[1], rel=0.2)


def test_a_document_that_no_draw_holds_is_given_up() -> None:
    drawn = draw_documents(batches_of([[5] * 9, [5] * 9, [5] * 9]), 3, 9, np.random.default_rng(3))
    assert len(drawn.sizes) == 27
    assert sum(map(len, drawn.batches)) == len(set(drawn.chosen.tolist())) <= 3


def test_nothing_is_drawn_where_nothing_is() -> None:
    drawn = draw_documents(batches_of([[0], [-1, 0]]), 5, 9, np.random.default_rng(3))
    assert (drawn.sizes.tolist(), drawn.batches, drawn.chosen.tolist()) == ([], [], [])
    assert chances_of(as_lengths([1, 3]), as_lengths([3])).tolist() == [0.625]
