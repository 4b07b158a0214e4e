"""Plans that say something else than the shards, and are caught."""

import pyarrow.parquet as pq
from outputs import reseal, rewrite
from verifying.broken import Output, Rows


def test_shards_that_differ_by_more_than_a_row_are_caught(broken: Output) -> None:
    moved: Rows = []
    rewrite(broken.shard(1), lambda rows: moved.extend(rows.pop(0) for _ in range(2)))
    (violation,) = broken.violations_once(broken.shard(), lambda rows: rows.extend(moved))
    assert violation["invariant"] == 4
    assert violation["problem"].startswith("shards of ")


def test_a_plan_that_names_another_segment_is_caught(broken: Output) -> None:
    changed: Rows = []

    def change(rows: Rows) -> None:
        rows[0]["start"] += 1
        changed.append(rows[0])

    violations = broken.violations_once(broken.plan_file(), change)
    named = [v for v in violations if "the plan has" in v["problem"]]
    where = {"shard": "shards/part-00000.parquet", "row": 0, "document": changed[0]["doc_id"]}
    assert [v for v in named if {"invariant": 5, **where}.items() <= v.items()], violations


def test_a_plan_that_names_a_segment_twice_is_caught(broken: Output) -> None:
    added: Rows = []

    def change(rows: Rows) -> None:
        added.append(next(row for row in rows if row["position"] > 0))
        rows.append(added[0])

    violations = broken.violations_once(broken.plan_file(), change)
    named = [v for v in violations if v["document"] == added[0]["doc_id"]]
    assert [v for v in named if v["invariant"] == 5], violations


def test_a_sequence_in_a_group_that_there_is_not_is_caught(broken: Output) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            row["group"] = 7 if row["sequence_id"] == 0 else row["group"]

    violations = broken.violations_once(broken.plan_file(), change)
    assert [v for v in violations if v["invariant"] == 4 and "group" in v["problem"]], violations


def test_a_plan_without_a_column_is_caught(broken: Output) -> None:
    table = pq.read_table(broken.plan_file())
    pq.write_table(table.drop_columns(["group"]), broken.plan_file())
    reseal(broken.sequences())
    violations = broken.violations()
    assert [v for v in violations if v["shard"] == "plan/part-00000.parquet"], violations
