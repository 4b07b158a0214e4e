"""Spark deals documents as the arithmetic of core.groups says, whatever the order of rows."""

from collections import Counter

import numpy as np
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.core.groups import group_counts
from bfpack_spark.stages.group_documents import group_documents

# Skewed on purpose: one length holds half of all documents.
LENGTHS = [7] * 100 + [3] * 40 + list(range(1, 61))


def dealt(spark: SparkSession, order: list[int], partitions: int, groups: int) -> dict[str, int]:
    rows = [(f"d{n}", LENGTHS[n]) for n in order]
    tokens = spark.createDataFrame(rows, "doc_id string, length int").repartition(partitions)
    return {r["doc_id"]: r["group"] for r in group_documents(tokens, groups, seed=4).collect()}


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_groups_hold_what_the_arithmetic_says(spark: SparkSession, groups: int) -> None:
    found = dealt(spark, list(range(200)), 3, groups)
    lengths, counts = np.unique(np.array(LENGTHS), return_counts=True)
    expected = group_counts(lengths, counts, groups, 4)
    seen = Counter((group, LENGTHS[int(doc_id[1:])]) for doc_id, group in found.items())
    assert len(found) == sum(seen.values()) == 200
    for group in range(groups):
        assert [seen[group, int(n)] for n in lengths] == expected[group].tolist()


def test_a_documents_group_does_not_depend_on_the_order_of_rows(spark: SparkSession) -> None:
    shuffled = np.random.default_rng(0).permutation(200).tolist()
    assert dealt(spark, list(range(200)), 1, 5) == dealt(spark, shuffled, 4, 5)
