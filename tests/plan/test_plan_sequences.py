"""The plan: every token of every document in one place, in as few sequences as best fit makes."""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from core.oracle import best_fit_decreasing, histogram_of, rules
from plan.stored import stored
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.stretches import stretches_of
from bfpack_spark.plan.group_documents import group_documents
from bfpack_spark.plan.plan_sequences import PlanSpec, plan_sequences
from bfpack_spark.schema import PLAN

SEQ_LEN = 32
LENGTHS = [(n * n + 7 * n) % 70 + 1 for n in range(90)]  # 1 to 70: some fit, some do not
DOCUMENTS = [(f"d{n}", length) for n, length in enumerate(LENGTHS)]
Policy = Literal["split", "truncate"]
Rows = list[dict[str, Any]]
Planned = Callable[..., Rows]


@pytest.fixture
def planned(spark: SparkSession, tmp_path: Path) -> Planned:
    """The plan's rows of the documents above."""

    def plan(
        *,
        groups_of: int,
        policy: Policy = "split",
        packing: Literal["best_fit", "concat"] = "best_fit",
        num_files: int = 2,
    ) -> Rows:
        sources = stored(spark, tmp_path, DOCUMENTS, num_files)
        return collected(plan_of(sources, groups_of, policy, packing))

    return plan


def plan_of(
    sources: DataFrame, groups_of: int, policy: Policy, packing: Any, error: int = 0
) -> DataFrame:
    chosen = rules(SEQ_LEN, packing=packing, long_documents=policy, group_documents_max=groups_of)
    histogram = histogram_of(LENGTHS)
    sizes = sequences_per_group(histogram, chosen) + error
    dealt = group_documents(sources, stretches_of(histogram, 1000), len(sizes), seed=0)
    return plan_sequences(dealt, PlanSpec(rules=chosen, sequences_per_group=sizes))


def collected(plan: DataFrame) -> Rows:
    assert plan.columns == PLAN.names
    rows = [row.asDict() for row in plan.collect()]
    assert rows
    return sorted(rows, key=lambda row: (row["sequence_id"], row["position"]))


def kept(length: int, policy: Policy) -> int:
    return length if policy == "split" else min(length, SEQ_LEN)


@pytest.mark.parametrize(("policy", "packing"), [("split", "best_fit"), ("truncate", "concat")])
def test_fragments_tile_documents_and_sequences(
    planned: Planned, policy: Policy, packing: Literal["best_fit", "concat"]
) -> None:
    rows = planned(groups_of=40, policy=policy, packing=packing)
    by_document: dict[str, list[tuple[int, int]]] = {}
    by_sequence: dict[int, Rows] = {}
    for row in rows:
        by_document.setdefault(row["doc_id"], []).append((row["start"], row["length"]))
        by_sequence.setdefault(row["sequence_id"], []).append(row)
    wanted = {name: kept(length, policy) for name, length in DOCUMENTS}
    assert by_document.keys() == wanted.keys()
    for name, pieces in by_document.items():
        reached = 0
        for start, length in sorted(pieces):
            assert start == reached
            assert 0 < length <= SEQ_LEN
            reached += length
        assert reached == wanted[name]
    assert sorted(by_sequence) == list(range(len(by_sequence)))
    for content in by_sequence.values():
        assert [row["position"] for row in content] == list(range(len(content)))
        ends = np.cumsum([row["length"] for row in content]).tolist()
        assert [row["offset"] for row in content] == [0, *ends[:-1]]
        assert ends[-1] <= SEQ_LEN
        assert len({row["group"] for row in content}) == 1
    if packing == "best_fit":
        assert all(row["start"] % SEQ_LEN == 0 for row in rows)


@pytest.mark.parametrize("groups_of", [30, 5])
def test_each_group_has_the_sequences_of_best_fit_item_by_item(
    planned: Planned, groups_of: int
) -> None:
    rows = planned(groups_of=groups_of)
    fragments: dict[int, list[int]] = {}
    fills: dict[int, Counter[int]] = {}
    for row in rows:
        fragments.setdefault(row["group"], []).append(row["length"])
        fills.setdefault(row["group"], Counter())[row["sequence_id"]] += row["length"]
    assert sum(map(sum, fragments.values())) == sum(LENGTHS)
    assert len(fragments) == {30: 3, 5: 18}[groups_of]
    for group, lengths in fragments.items():
        found = sorted(fills[group].values(), reverse=True)
        assert found == best_fit_decreasing(lengths, SEQ_LEN)


def test_the_plan_does_not_depend_on_how_the_store_is_divided(planned: Planned) -> None:
    assert planned(groups_of=40, num_files=1) == planned(groups_of=40, num_files=5)


def test_sequences_of_all_groups_are_shuffled_together(planned: Planned) -> None:
    rows = planned(groups_of=30)
    groups = [row["group"] for row in rows if row["position"] == 0]
    full = [row["sequence_id"] for row in rows if row["length"] == SEQ_LEN]
    assert set(groups) == {0, 1, 2}
    changes = sum(one != two for one, two in itertools.pairwise(groups))
    assert changes > len(groups) / 3  # two, if the groups lay one after the other
    middle = len(groups) / 2  # best fit makes full sequences first
    assert min(sum(n < middle for n in full), sum(n >= middle for n in full)) > len(full) / 4


def test_the_packer_runs_inside_map_in_pandas(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, over groups that were not sorted, joined or counted for it."""
    plan_of(stored(spark, tmp_path, DOCUMENTS), 30, "split", "best_fit").explain()
    physical = capsys.readouterr().out
    assert physical.count("MapInPandas") == 1
    assert physical.index("MapInPandas") < physical.index("Exchange")
    assert not {"Sort", "Join", "Aggregate"} & set(physical.replace("(", " ").split())


def test_sequences_that_the_counts_did_not_foretell_fail_the_job(
    spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(PythonException, match="by its counts"):
        plan_of(stored(spark, tmp_path, DOCUMENTS), 1000, "split", "best_fit", error=1).collect()
