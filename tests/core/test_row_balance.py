"""How even the work of rows is, and which fragments go on with a document, by hand and by count."""

import numpy as np
import pytest
from core.oracle import as_lengths, histogram_of, refinedweb_like, rules

from bfpack_spark.core import row_balance
from bfpack_spark.core.group_plan import SequenceNumbers, plan_group
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.row_balance import (
    balance_of_rows,
    balance_of_steps,
    chance_to_go_on,
    work_by_concatenation,
)
from bfpack_spark.core.sequence_counts import count_sequences


def test_three_rows_by_hand() -> None:
    """Rows [4], [3, 1], [2, 2] have 10, 7 and 6 pairs."""
    found = balance_of_steps(np.array([[10.0, 7.0, 6.0]]))
    assert (found.num_steps, found.num_ranks) == (1, 3)
    assert (found.idle, found.stretch) == (pytest.approx(0.2333, abs=1e-4), 30 / 23)
    counted = balance_of_rows(
        Histogram(values=as_lengths([6, 7, 10]), counts=np.ones(3, int)), 3, 0
    )
    assert (counted.idle, counted.stretch) == (pytest.approx(found.idle), 30 / 23)


def test_rows_that_fill_no_step_are_left_out() -> None:
    seven = Histogram(values=as_lengths([5]), counts=as_lengths([7]))
    assert balance_of_rows(seven, 3, 0).num_steps == 2
    assert balance_of_rows(seven, 8, 0).num_steps == 0
    assert balance_of_rows(seven, 8, 0).idle == 0
    alone = balance_of_rows(histogram_of(range(1, 50)), 1, 0)
    assert (alone.num_steps, alone.idle, alone.stretch) == (49, 0, 1)


def test_of_very_many_rows_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Histogram(values=as_lengths([1, 3]), counts=as_lengths([10**11, 10**11]))
    monkeypatch.setattr(row_balance, "_ROWS_MAX", 40_000)
    found = balance_of_rows(rows, 2, 0)
    assert found.num_steps == 20_000
    assert found.stretch == pytest.approx(1.25, abs=0.01), "1.5 in every other step, else 1"


def test_the_work_of_a_concatenation_is_that_of_its_pieces() -> None:
    found = work_by_concatenation(histogram_of([5]), rules(2, packing="concat"))
    assert (found.values.tolist(), found.counts.tolist()) == ([1, 3], [1, 2])
    assert work_by_concatenation(histogram_of([]), rules(2, packing="concat")).count == 0


def test_fragments_that_go_on_are_all_but_the_first_of_each_document() -> None:
    assert chance_to_go_on(histogram_of([5, 1]), rules(4)).tolist() == [0, 0.5, 0, 0, 0]
    twelve = chance_to_go_on(histogram_of([12, 4, 3]), rules(4))
    assert twelve.tolist() == [0, 0, 0, 0, 0.5]
    truncated = chance_to_go_on(histogram_of([12, 4, 3]), rules(4, long_documents="truncate"))
    assert truncated.tolist() == [0] * 5


def test_rows_of_real_plans_begin_inside_documents_as_often_as_expected() -> None:
    """Over 100 orders of equal documents, within three standard errors."""
    lengths, chosen, random = refinedweb_like(600, 3), rules(512), np.random.default_rng(1)
    counted = count_sequences(histogram_of(lengths.tolist()), chosen)
    num = int(counted.per_group.sum())
    numbers, begun = SequenceNumbers(first=0, group=num, total=num), []
    for _ in range(100):
        hashes = random.integers(0, 1 << 62, len(lengths))
        plan = plan_group(random.permutation(lengths), hashes, chosen, numbers)
        places = plan.places(0, len(plan))
        begun.append(int((places.start[places.position == 0] > 0).sum()))
    error = np.std(begun, ddof=1) / 10
    assert error > 0
    assert abs(np.mean(begun) - counted.begun_inside) < 3 * error
    assert 0 < counted.begun_inside < num
    work = np.bincount(places.sequence_id, places.length * (places.length + 1) // 2)
    assert (
        sorted(work) == np.repeat(counted.by_attention.values, counted.by_attention.counts).tolist()
    )


def test_no_rank_waits_in_a_step_of_padding() -> None:
    found = balance_of_steps(np.array([[0.0, 0.0], [4.0, 0.0]]))
    assert (found.idle, found.stretch) == (0.25, 1.5)
