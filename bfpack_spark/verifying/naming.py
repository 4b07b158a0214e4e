"""Which rows and documents differ. This takes joins, so it runs only if the sums say that some
differ."""

import functools
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from bfpack_spark.core.rules import Rules
from bfpack_spark.verifying.findings import Violation

_FIRST = 10  # violations that are named of a kind
_PLACE = ("sequence_id", "position")
_PIECE = ("offset", "doc_id", "start", "length")


def name_plan_differences(plan: DataFrame, segments: DataFrame) -> list[Violation]:
    """Return violations of invariant 5: the plan must name exactly the segments that the rows
    hold."""
    planned = plan.select(*_PLACE, *(sf.col(name).alias(f"plan_{name}") for name in _PIECE))
    same = _all(sf.col(name).eqNullSafe(sf.col(f"plan_{name}")) for name in _PIECE)
    wrong = planned.join(segments, list(_PLACE), "full_outer").where(~same)
    violations = [
        Violation(
            invariant=5,
            problem=_plan_problem(row),
            shard=row["file"],
            row=row["row"],
            document=row["doc_id"] or row["plan_doc_id"],
        )
        for row in wrong.orderBy(*_PLACE).limit(_FIRST).collect()
    ]
    return violations + _named_twice(plan)


def _named_twice(plan: DataFrame) -> list[Violation]:
    counted = plan.groupBy(*_PLACE).agg(
        sf.count(sf.lit(1)).alias("times"), sf.first("doc_id").alias("doc_id")
    )
    return [
        Violation(
            invariant=5,
            problem=f"{_place(row)}: in the plan {row['times']} times",
            document=row["doc_id"],
        )
        for row in counted.where("times > 1").orderBy(*_PLACE).limit(_FIRST).collect()
    ]


def _plan_problem(row: Any) -> str:
    if row["doc_id"] is None:
        return f"{_place(row)}: in the plan, not in the shards"
    if row["plan_doc_id"] is None:
        return f"{_place(row)}: in the shards, not in the plan"
    return f"{_place(row)}: the plan has {row['plan_doc_id']} from {row['plan_start']}"


def _place(row: Any) -> str:
    return f"sequence {row['sequence_id']}, segment {row['position']}"


def name_document_differences(
    documents: DataFrame, segments: DataFrame, rules: Rules
) -> list[Violation]:
    """Return violations of invariant 1: the segments of a document must begin at 0, add up to what
    is kept of it, and hold its tokens."""
    bos = sf.when(sf.col("start") > 0, rules.bos).otherwise(0)
    own = sf.col("length") - bos  # tokens of the document
    packed = segments.groupBy("doc_id").agg(
        sf.min("file").alias("shard"),
        sf.min("start").alias("first"),
        sf.max(sf.col("start") + own).alias("end"),
        sf.sum(own).alias("packed"),
        _sum_modulo_2_64("digest").alias("packed_digest"),
        sf.min("doc_length").alias("claimed"),
        sf.max("doc_length").alias("claimed_max"),
    )
    stored = documents.select(
        "doc_id", "doc_length", "kept", _modulo_2_64(sf.col("digest")).alias("digest")
    )
    absent = sf.col("packed").isNull() & (sf.col("kept") == 0)
    last = "doc_length" if rules.overlap else "kept"  # where the last fragment of a document ends
    equal = (
        ("end", last),
        ("packed", "kept"),
        ("packed_digest", "digest"),
        ("claimed", "doc_length"),
        ("claimed_max", "doc_length"),
    )
    right = sf.col("first").eqNullSafe(sf.lit(0)) & _all(
        sf.col(one).eqNullSafe(sf.col(other)) for one, other in equal
    )
    wrong = stored.join(packed, "doc_id", "full_outer").where(~(absent | right))
    return [
        Violation(
            invariant=1,
            problem=_document_problem(row, last),
            shard=row["shard"],
            document=row["doc_id"],
        )
        for row in wrong.orderBy("doc_id").limit(_FIRST).collect()
    ]


def _document_problem(row: Any, last: str) -> str:
    if row["kept"] is None:
        return "packed, but not in the token store"
    if row["packed"] is None:
        return f"{row['kept']} tokens to pack, none packed"
    if row["claimed"] != row["doc_length"] or row["claimed_max"] != row["doc_length"]:
        return f"doc_lengths says {row['claimed']}, the token store {row['doc_length']}"
    if row["packed"] != row["kept"] or row["first"] or row["end"] != row[last]:
        span = f"{row['packed']} tokens packed from {row['first']} to {row['end']}"
        return f"{span}, {row['kept']} to pack"
    return "its tokens differ from the token store's"


def _all(conditions: Iterable[Column]) -> Column:
    return functools.reduce(Column.__and__, conditions)


def _sum_modulo_2_64(name: str) -> Column:
    """Return the sum of a column modulo 2^64. It is taken in decimals, since Spark's sum of longs
    may fail when it overflows."""
    return _modulo_2_64(sf.sum(sf.col(name).cast("decimal(38,0)")))


def _modulo_2_64(number: Column) -> Column:
    return sf.pmod(number.cast("decimal(38,0)"), sf.lit(str(2**64)).cast("decimal(38,0)"))
