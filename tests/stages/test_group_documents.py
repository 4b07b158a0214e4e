"""Spark deals documents as the arithmetic of core.groups says, whatever the order of rows."""

from collections import Counter

import numpy as np
import pytest
from core.oracle import histogram_of
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.core.groups import group_counts
from bfpack_spark.stages import group_documents as stage
from bfpack_spark.stages.group_documents import group_documents

# Skewed on purpose: one length holds half of all documents, 60 lengths hold one more each.
LENGTHS = [7] * 100 + [3] * 40 + list(range(1, 61))


def dealt(
    spark: SparkSession, order: list[int], partitions: int, groups: int, seed: int = 4
) -> dict[str, int]:
    rows = [(f"d{n}", LENGTHS[n]) for n in order]
    tokens = spark.createDataFrame(rows, "doc_id string, length int").repartition(partitions)
    found = group_documents(tokens, histogram_of(LENGTHS[n] for n in order), groups, seed)
    assert found.columns == ["doc_id", "length", "doc_hash", "group"]
    held = found.collect()
    assert len(held) == len(rows)
    return {row["doc_id"]: row["group"] for row in held}


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_groups_hold_what_the_arithmetic_says(spark: SparkSession, groups: int) -> None:
    found = dealt(spark, list(range(200)), 3, groups)
    lengths, counts = np.unique(np.array(LENGTHS), return_counts=True)
    expected = list(group_counts(counts, groups, 4))
    seen = Counter((group, LENGTHS[int(doc_id[1:])]) for doc_id, group in found.items())
    assert len(found) == sum(seen.values()) == 200
    for group in range(groups):
        assert [seen[group, int(n)] for n in lengths] == expected[group].tolist()


def test_groups_differ_by_at_most_one_document_of_each_length(spark: SparkSession) -> None:
    found = dealt(spark, list(range(200)), 2, 6)
    seen = Counter((LENGTHS[int(doc_id[1:])], group) for doc_id, group in found.items())
    for length in set(LENGTHS):
        of_length = [seen[length, group] for group in range(6)]
        assert sum(of_length) == LENGTHS.count(length)
        assert max(of_length) - min(of_length) <= 1
    single = Counter(group for (length, group), n in seen.items() if length > 7)
    assert len(single) == 6  # the odd ones do not all go to one group


def test_a_documents_group_does_not_depend_on_the_order_of_rows(spark: SparkSession) -> None:
    shuffled = np.random.default_rng(0).permutation(200).tolist()
    assert dealt(spark, list(range(200)), 1, 5) == dealt(spark, shuffled, 4, 5)


def test_a_seed_deals_documents_of_one_length_otherwise(spark: SparkSession) -> None:
    one, two = (dealt(spark, list(range(100)), 2, 5, seed) for seed in (4, 5))
    assert Counter(one.values()) == Counter(two.values()) == dict.fromkeys(range(5), 20)
    assert sum(one[name] != two[name] for name in one) > 20


def test_each_group_is_a_partition(spark: SparkSession) -> None:
    rows = [(f"d{n}", length) for n, length in enumerate(LENGTHS)]
    tokens = spark.createDataFrame(rows, "doc_id string, length int")
    grouped = group_documents(tokens, histogram_of(LENGTHS), 7, 4)
    placed = grouped.selectExpr("spark_partition_id() AS place", "group")
    held = {(row["place"], row["group"]) for row in placed.distinct().collect()}
    assert held == {(group, group) for group in range(7)}


def test_documents_whose_hashes_begin_alike_keep_the_order_of_their_hashes(
    spark: SparkSession,
) -> None:
    """The number that is sorted first holds the upper half of the hash alone."""
    names = ["d5882", "d47011"]
    hashes = [
        spark.range(1).select(sf.xxhash64(sf.lit(name), sf.lit(4).cast("long"))).first()[0]
        for name in names
    ]
    assert hashes[0] >> 32 == hashes[1] >> 32
    assert hashes[0] < hashes[1]
    histogram = histogram_of([7, 7])
    for order in (names, names[::-1]):
        rows = [(name, 7) for name in order]
        tokens = spark.createDataFrame(rows, "doc_id string, length int").coalesce(1)
        found = {
            r["doc_id"]: r["group"] for r in group_documents(tokens, histogram, 2, 4).collect()
        }
        assert found == {"d5882": 0, "d47011": 1}


def test_a_length_in_a_later_partition_goes_on_where_the_one_before_ended(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dealt(spark, list(range(200)), 3, 7)
    monkeypatch.setattr(stage, "_PARTITION_DOCUMENTS", 20)
    assert dealt(spark, list(range(200)), 3, 7) == whole
