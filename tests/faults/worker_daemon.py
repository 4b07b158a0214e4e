"""Spark's daemon of Python workers (spark.python.daemon.module) with faults at named points."""

import importlib
import os
import sys
from pathlib import Path

from faults.injection import install

from bfpack_spark.spark.worker_daemon import PRELOADED, leave_out_archives

OURS = (
    "tokens.tokenize_text",
    "tokens.find_repeated_ids",
    "plan.plan_sequences",
    "sequences.assemble_sequences",
)


def main() -> None:
    """Wrap what is named, before anything takes it from its module; then be Spark's daemon."""
    leave_out_archives()
    install(Path(os.environ["FAULTS"]))
    for name in (*PRELOADED, *(f"bfpack_spark.{name}" for name in OURS)):
        importlib.import_module(name)
    importlib.import_module("pyspark.daemon").manager()


if __name__ == "__main__":
    sys.exit(main())
