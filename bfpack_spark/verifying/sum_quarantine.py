"""verify, quarantine files -> MESSAGES: refused documents by reason, and what their masks mark,
added up."""

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
    reasons (documents by reason), and targets and unknown (documents whose targets nothing tells),
    which are 0 where the documents have no loss masks."""
    return check_each(entries, root, functools.partial(_sum_up, root=root))


def _sum_up(entry: ListedFile, _: list[Violation], *, root: str) -> dict[str, Any]:
    with open_own_parquet(resolve(root, entry.path)) as file:
        names = [n for n in ("reason", "num_targets") if n in file.schema_arrow.names]
        table = file.read(columns=names, use_threads=False)
    reasons = {
        pair["values"]: pair["counts"] for pair in table["reason"].value_counts().to_pylist()
    }
    if "num_targets" not in names:
        return {"reasons": reasons, "targets": 0, "unknown": 0}
    targets = table["num_targets"]
    marked = pc.sum(targets).as_py() or 0
    return {"reasons": reasons, "targets": marked, "unknown": targets.null_count}
