"""Spark's daemon of Python workers (spark.python.daemon.module) with faults at named points."""

import importlib
import os
import sys
from pathlib import Path

from faults.injection import install

PRELOADED = (
    "tokens.tokenize_text",
    "tokens.find_repeated_ids",
    "plan.plan_sequences",
    "sequences.assemble_sequences",
)


def main() -> None:
    """Wrap what is named, before anything takes it from its module; then be Spark's daemon."""
    install(Path(os.environ["FAULTS"]))
    for name in PRELOADED:
        importlib.import_module(f"bfpack_spark.{name}")
    importlib.import_module("pyspark.daemon").manager()


if __name__ == "__main__":
    sys.exit(main())
