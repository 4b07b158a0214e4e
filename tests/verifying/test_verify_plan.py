"""Plans that say something else than the shards, and are caught."""

from pathlib import Path

import pyarrow.parquet as pq
from outputs import reseal, rewrite
from verifying.broken import Bfpack, Rows, plan_file, sequences, shard, verify


def test_shards_that_differ_by_more_than_a_row_are_caught(broken: Path, bfpack: Bfpack) -> None:
    moved: Rows = []
    rewrite(shard(broken, 1), lambda rows: moved.extend(rows.pop(0) for _ in range(2)))
    rewrite(shard(broken, 0), lambda rows: rows.extend(moved))
    reseal(sequences(broken))
    (violation,) = verify(bfpack, broken)
    assert violation["invariant"] == 4
    assert violation["problem"].startswith("shards of ")


def test_a_plan_that_names_another_segment_is_caught(broken: Path, bfpack: Bfpack) -> None:
    changed: Rows = []

    def change(rows: Rows) -> None:
        rows[0]["start"] += 1
        changed.append(rows[0])

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = [v for v in verify(bfpack, broken) if "the plan has" in v["problem"]]
    where = {"shard": "shards/part-00000.parquet", "row": 0, "document": changed[0]["doc_id"]}
    assert [v for v in violations if {"invariant": 5, **where}.items() <= v.items()], violations


def test_a_plan_that_names_a_segment_twice_is_caught(broken: Path, bfpack: Bfpack) -> None:
    added: Rows = []

    def change(rows: Rows) -> None:
        added.append(next(row for row in rows if row["position"] > 0))
        rows.append(added[0])

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    named = [v for v in violations if v["document"] == added[0]["doc_id"]]
    assert [v for v in named if v["invariant"] == 5], violations


def test_a_sequence_in_a_group_that_there_is_not_is_caught(broken: Path, bfpack: Bfpack) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            row["group"] = 7 if row["sequence_id"] == 0 else row["group"]

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    assert [v for v in violations if v["invariant"] == 4 and "group" in v["problem"]], violations


def test_a_plan_without_a_column_is_caught(broken: Path, bfpack: Bfpack) -> None:
    table = pq.read_table(plan_file(broken))
    pq.write_table(table.drop_columns(["group"]), plan_file(broken))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    assert [v for v in violations if v["shard"] == "plan/part-00000.parquet"], violations
