"""verify, any listed files -> MESSAGES: what can be checked of the files as a whole."""

import functools
from typing import Any

from pyspark.sql import DataFrame

from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.verifying.listed_files import Fault, check_each


def check_files(entries: DataFrame, root: str) -> DataFrame:
    """Check the files as a whole. In: the entries of one kind in the manifest. Out: a message a
    file, with faults and readable."""
    check = functools.partial(check_each, root=root, read=_nothing)
    return entries.mapInArrow(check, spark_ddl(MESSAGES))


def _nothing(entry: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:  # noqa: ARG001
    return {}
