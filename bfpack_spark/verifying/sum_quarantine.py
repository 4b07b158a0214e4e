"""verify, quarantine files -> MESSAGES: what the masks of refused documents mark, added up."""

import functools
from typing import Any

import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.files.access import resolve
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile, check_each


def sum_quarantine(entries: DataFrame, root: str) -> DataFrame:
    """Return a message for each quarantine file. In: the manifest's entries. Out: faults, readable,
    and targets and unknown (documents whose targets nothing tells), which are 0 where the documents
    have no loss masks."""
    return check_each(entries, root, functools.partial(_sum_targets, root=root))


def _sum_targets(entry: ListedFile, _: list[Violation], *, root: str) -> dict[str, Any]:
    with open_own_parquet(resolve(root, entry.path)) as file:
        if "num_targets" not in file.schema_arrow.names:
            return {"targets": 0, "unknown": 0}
        targets = file.read(columns=["num_targets"], use_threads=False).column("num_targets")
    return {"targets": pc.sum(targets).as_py() or 0, "unknown": targets.null_count}
