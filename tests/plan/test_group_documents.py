"""Spark deals documents as the arithmetic of core.groups says, whatever the order of rows."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from core.oracle import histogram_of
from plan.stored import stored
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.groups import group_counts
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.stretches import stretches_of
from bfpack_spark.core.tasks import TASKS, TaskSizes
from bfpack_spark.plan.count_stretches import count_stretches
from bfpack_spark.plan.group_documents import group_documents, sort_documents
from bfpack_spark.schema import GROUPED, HASHED
from bfpack_spark.spark.blocks import from_blocks
from bfpack_spark.spark.messages import collect_messages

Dealt = Callable[..., dict[str, int]]

# Skewed on purpose: one length holds half of all documents, 60 lengths hold one more each.
LENGTHS = [7] * 100 + [3] * 40 + list(range(1, 61))


@pytest.fixture
def dealt(spark: SparkSession, tmp_path: Path) -> Dealt:
    """The group of each document, by doc_id."""

    def deal(
        order: list[int], num_files: int, groups: int, seed: int = 4, tasks: TaskSizes = TASKS
    ) -> dict[str, int]:
        sources = stored(spark, tmp_path, [(f"d{n}", LENGTHS[n]) for n in order], num_files)
        histogram = histogram_of(LENGTHS[n] for n in order)
        return groups_of(grouped(sources, histogram, groups, seed, tasks.stretch_documents))

    return deal


def grouped(
    sources: DataFrame, histogram: Histogram, groups: int, seed: int, at_once: int = 1000
) -> DataFrame:
    stretches = stretches_of(histogram, at_once)
    if stretches.within is None:
        stretches = stretches.counted(collect_messages(count_stretches(sources, stretches, seed)))
    return group_documents(sources, stretches, groups, seed)


def groups_of(grouped: DataFrame) -> dict[str, int]:
    blocks = grouped.toArrow()
    found = {}
    for group in set(blocks.column("group").to_pylist()):
        own = blocks.filter(pc.equal(blocks.column("group"), group))
        rows = from_blocks(own.to_batches(), GROUPED, HASHED.names).to_pylist()
        assert not found.keys() & {row["doc_id"] for row in rows}
        found |= {row["doc_id"]: group for row in rows}
    return found


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_groups_hold_what_the_arithmetic_says(dealt: Dealt, groups: int) -> None:
    found = dealt(list(range(200)), 3, groups)
    lengths, counts = np.unique(np.array(LENGTHS), return_counts=True)
    expected = list(group_counts(counts, groups, 4))
    seen = Counter((group, LENGTHS[int(doc_id[1:])]) for doc_id, group in found.items())
    assert len(found) == sum(seen.values()) == 200
    for group in range(groups):
        assert [seen[group, int(n)] for n in lengths] == expected[group].tolist()


def test_a_documents_group_does_not_depend_on_the_order_of_rows(dealt: Dealt) -> None:
    shuffled = np.random.default_rng(0).permutation(200).tolist()
    assert dealt(list(range(200)), 1, 5) == dealt(shuffled, 4, 5)


def test_a_seed_deals_documents_of_one_length_otherwise(dealt: Dealt) -> None:
    one, two = (dealt(list(range(100)), 2, 5, seed) for seed in (4, 5))
    assert Counter(one.values()) == Counter(two.values()) == dict.fromkeys(range(5), 20)
    assert sum(one[name] != two[name] for name in one) > 20


def test_each_group_is_a_partition(spark: SparkSession, tmp_path: Path, either_way: str) -> None:
    sources = stored(spark, tmp_path, [(f"d{n}", length) for n, length in enumerate(LENGTHS)])
    placed = grouped(sources, histogram_of(LENGTHS), 7, 4).selectExpr(
        "spark_partition_id() AS place", "group"
    )
    held = {(row["place"], row["group"]) for row in placed.distinct().collect()}
    assert held == {(group, group) for group in range(7)}


def test_documents_of_one_hash_are_told_apart_by_their_ids() -> None:
    rows = pa.table({"doc_id": ["b", "c", "a", "d"], "length": [7, 7, 7, 9], "doc_hash": [1] * 4})
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        found = sort_documents(rows.take(pa.array(order))).column("doc_id").to_pylist()
        assert found == ["d", "a", "b", "c"]


def test_a_length_in_a_later_stretch_goes_on_where_the_one_before_ended(dealt: Dealt) -> None:
    """Stretches of 20 cut the documents of length 7, of which there are 101, into six."""
    divided = dealt(list(range(200)), 3, 7, tasks=TaskSizes(stretch_documents=20))
    assert divided == dealt(list(range(200)), 3, 7)


def test_a_length_that_the_histogram_lacks_fails_the_job(
    spark: SparkSession, tmp_path: Path
) -> None:
    sources = stored(spark, tmp_path, [("a", 3), ("b", 4), ("c", 9)])
    with pytest.raises(PythonException, match="not in the histogram"):
        grouped(sources, histogram_of([3, 4]), 2, 0).collect()
