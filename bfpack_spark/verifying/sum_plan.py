"""verify, plan files -> MESSAGES: the sum of their rows, and the totals of each group."""

import functools
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.digest import hash_rows
from bfpack_spark.plan.plan_files import read_plan_file
from bfpack_spark.spark.partitions import hash_ids
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile, check_each, differs


def sum_plan(entries: DataFrame, root: str) -> DataFrame:
    """Sum the rows of the plan. In: the manifest's entries of the plan. Out: a message a file, with
    faults, readable, plan (the sum of its rows modulo 2^64) and groups: {group: [sequences, sum of
    the hashes of lengths]}."""
    return check_each(entries, root, functools.partial(_sum_rows, root=root))


def _sum_rows(entry: ListedFile, faults: list[Violation], *, root: str) -> dict[str, Any]:
    plan, num_tokens = 0, 0
    groups: dict[int, list[int]] = {}
    for table in read_plan_file(f"{root}/{entry.path}"):
        plan += _add_rows(table, groups)
        num_tokens += int(table.column("length").to_numpy().sum(dtype=np.int64))
    faults += differs("tokens", num_tokens, entry)
    return {"plan": plan % 2**64, "groups": groups}


def _add_rows(table: pa.Table, groups: dict[int, list[int]]) -> int:
    """Add the rows to the totals of their groups, and return the sum of the rows."""
    names = ("sequence_id", "position", "offset", "start", "length", "group")
    *places, group = (table.column(name).to_numpy().astype(np.int64) for name in names)
    length_hash = hash_rows(places[4])
    for number in np.unique(group).tolist():
        in_group = group == number
        totals = groups.setdefault(number, [0, 0])
        totals[0] += int((in_group & (places[1] == 0)).sum())
        totals[1] = (totals[1] + int(np.add.reduce(length_hash[in_group], dtype=np.uint64))) % 2**64
    key = hash_ids(table.column("doc_id").combine_chunks())
    return int(np.add.reduce(hash_rows(key, *places), dtype=np.uint64))
