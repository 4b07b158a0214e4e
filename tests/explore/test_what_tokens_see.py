"""Unnecessary cuts, context and rows of whole corpora: in dataclasses, frames, JSON and tables."""

import json
from typing import Any

import numpy as np
import pytest
from core.oracle import histogram_of, rules

from bfpack_spark import explore
from bfpack_spark.core.fragments import cut_stream
from bfpack_spark.explore.columns import seen_columns
from bfpack_spark.explore.frames import wide_frame
from bfpack_spark.report.cut_tables import context_table, rows_table
from bfpack_spark.report.tables import detailed_tables_of, tables_of

PAPER = [14, 7, 5, 2, 3]
FOUR = [1, 5, 8, 17]


def at_8(lengths: list[int], num_ranks: int | None = None, **changed: Any) -> explore.PackingStats:
    chosen = rules(8, **changed)
    return explore.corpus_stats(histogram_of(lengths), (8,), chosen, "b", num_ranks).at[0]


def test_the_papers_five_documents_have_one_cut_that_is_needed() -> None:
    at = at_8(PAPER)
    assert at.plan.num_truncations == 1
    assert at.concat.num_truncations == 3.25
    assert (at.num_unnecessary, at.unnecessary_share) == (2.25, 2.25 / 3.25)
    fragments, _ = cut_stream(np.array(PAPER), 8)
    assert (np.bincount(fragments.document) > 1).sum() == 3


def test_a_concatenation_is_compared_with_best_fit() -> None:
    at, packed = at_8(PAPER, packing="concat"), at_8(PAPER)
    assert at.plan.num_truncations == 3.25
    assert at.best_fit == packed.plan
    assert at.num_unnecessary == packed.num_unnecessary
    assert [one.truncations_by_best_fit for one in at.by_length] == [0, 0, 0, 1]
    found = explore.as_json([explore.corpus_stats(histogram_of(PAPER), (8,), at.rules)])
    assert found[0]["at"][0]["best_fit"]["num_truncations"] == 1


def test_a_concatenation_that_truncates_is_compared_by_its_own_cuts() -> None:
    at = at_8(PAPER, packing="concat", long_documents="truncate")
    assert at.plan.num_truncations == 1 + (7 + 6 + 4 + 1 + 2) / 8
    assert at.num_unnecessary == (7 + 6 + 4 + 1 + 2) / 8
    assert at.concat.num_truncations == 3.25


def test_nothing_cut_has_nothing_unnecessary() -> None:
    for lengths in ([], [1, 1]):
        at = at_8(lengths)
        assert (at.num_unnecessary, at.unnecessary_share) == (0, 0)
        assert at.plan.context.share == at.plan.context.beginning_share + (not lengths) == 1


def test_context_is_summed_over_all_documents_and_those_that_fit() -> None:
    at = at_8(FOUR)
    packed, concat = at.plan.context, at.concat.context
    assert (packed.possible_pairs, packed.pairs, concat.pairs) == (129, 94, 74)
    assert packed.num_tokens_with_beginning == 22
    assert concat.num_tokens_with_beginning == 13.75
    assert (packed.num_tokens_in_whole_documents, concat.whole_share) == (14, 4.5 / 31)
    assert packed.distances == (1, 2, 4)
    assert packed.pairs_apart[2] == 18
    assert (packed.pairs_together[2], concat.pairs_together[2]) == (13, 9)
    fitting = at.plan.fitting
    assert (fitting.num_tokens, fitting.pairs, fitting.share) == (14, 38, 1)
    assert fitting.together == (1, 1, 1)
    assert at.concat.fitting.share == pytest.approx(25 / 38)


def test_classes_of_length_add_up_to_the_context_of_all() -> None:
    at = at_8([*FOUR, 100, 3, 9])
    for name, total in (
        ("possible_pairs", at.plan.context.possible_pairs),
        ("pairs_by_best_fit", at.plan.context.pairs),
        ("pairs_by_concat", at.concat.context.pairs),
    ):
        assert sum(getattr(one, name) for one in at.by_length) == pytest.approx(total)
    assert at.by_length[0].context_by_concat == 1, "a token alone can see nothing"


def test_buckets_together_see_what_each_sees() -> None:
    each = [
        explore.corpus_stats(histogram_of(own), (8,), None, "b", 2) for own in (FOUR, PAPER * 4)
    ]
    total = explore.with_total(each)[-1].at[0]
    whole = at_8([*FOUR, *PAPER * 4])
    for one, other in ((total.plan, whole.plan), (total.concat, whole.concat)):
        for name, sums in vars(one.context).items():
            assert sums == pytest.approx(getattr(other.context, name)), name
        assert one.fitting.pairs == pytest.approx(other.fitting.pairs)
    balances = [stats.at[0].plan.balance for stats in each]
    assert total.plan.balance is not None
    assert total.plan.balance.num_steps == sum(own.num_steps for own in balances if own) > 1
    assert total.num_unnecessary == pytest.approx(
        sum(stats.at[0].num_unnecessary for stats in each)
    )


def test_frames_and_csv_and_json_have_the_same_numbers() -> None:
    stats = explore.corpus_stats(histogram_of(FOUR), (8,), None, "b", 2)
    (at,) = stats.at
    rows = explore.context_frame(stats).set_index(["packed", "documents"])
    assert rows.loc[("concat", "fitting"), "context_share"] == at.concat.fitting.share
    (wide,) = wide_frame([stats]).to_dict("records")
    assert wide["concat_fitting_context_share"] == at.concat.fitting.share
    assert wide["num_unnecessary"] == at.num_unnecessary
    assert seen_columns(at).items() <= wide.items()
    pairs = explore.together_frame(stats).set_index(["packed", "documents", "distance"])
    assert pairs.loc[("concat", "all", 4)].tolist() == [8, 18, 9]
    said = json.loads(json.dumps(explore.as_json([stats])))[0]["at"][0]
    assert said["unnecessary_share"] == at.unnecessary_share
    assert said["concat"]["fitting"]["context_share"] == at.concat.fitting.share
    assert said["plan"]["context"]["by_distance"][2] == [4, 18, 13]
    assert at.plan.balance is not None
    assert said["plan"]["balance"]["stretch"] == at.plan.balance.stretch
    assert wide["rank_idle"] == said["plan"]["balance"]["idle"]


def test_tables_show_both_ways() -> None:
    (row, fitting) = context_table({"8": at_8(FOUR)}).rows
    assert row[:4] == ("8", "all", "4.161", "3.032 / 2.387")
    assert row[-1] == "72.2 % / 50.0 %"
    assert fitting[1:5] == ("that fit", "2.714", "2.714 / 1.786", "100.0 % / 65.8 %")
    table = rows_table({"8": at_8(PAPER)})
    assert table.head[1:3] == ("documents a row, packed", "documents a row, concatenated")
    assert table.rows == [("8", "1.500", "2.062", "12.5 %", "81.2 %")]
    with_ranks = rows_table({"8": at_8(PAPER * 10, num_ranks=2)})
    assert "2 ranks wait" in with_ranks.caption
    assert len(with_ranks.head) == 9
    few = rows_table({"8": at_8([5], num_ranks=2)})
    assert few.rows[0][-4:] == ("-",) * 4


def test_ranks_are_told_in_the_first_tables_if_they_are_asked_for() -> None:
    asked, plain = (
        explore.corpus_stats(histogram_of(PAPER), (8,), None, "b", ranks) for ranks in (2, None)
    )
    assert [t.caption for t in tables_of(asked) if "2 ranks wait" in t.caption]
    assert not [t.caption for t in detailed_tables_of(asked) if "row" in t.caption.split()]
    assert len(tables_of(plain)) == 1
    assert [t.caption for t in detailed_tables_of(plain) if t.caption == "What lies in a row"]


def test_a_seq_len_of_one_token_has_no_distances() -> None:
    stats = explore.corpus_stats(histogram_of([3]), (1,))
    assert stats.at[0].plan.context.distances == ()
    tables = {table.caption[:20]: table for table in detailed_tables_of(stats)}
    assert tables["What a token sees of"].rows[0][-2:] == ("- / -",) * 2
