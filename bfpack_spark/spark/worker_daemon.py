"""The parent of Spark's Python workers in sessions that bfpack starts.

The JVM runs under umask 077, so that nobody but its user can read its shuffle files. Workers write
what is published, which others may read as far as the user's own umask lets them, so the workers
get that umask back. What workers keep for themselves they make by `tempfile`, which makes it
private.

Workers are forked from this process. What is imported or loaded here costs time and memory once,
and not once in each worker: modules, and what a command left a call for (left_call.py), such as the
engine of a tokenizer. After each task, Spark's worker looks for garbage. What was made here is
none, and looking through it would cost 45 ms of CPU a task, so it is frozen.

The JVM puts archives of pyspark and py4j before all else. They hold no compiled modules, so
importing from them takes 0.8 s of CPU, and every worker reads their lists of files 16 times. Where
pyspark is installed as a package, the same modules are taken from there.
"""

import gc
import importlib
import os
import sys
from pathlib import Path

UMASK = "BFPACK_UMASK"
# The slowest imports of those that every worker needs: 1 s of CPU in all.
PRELOADED = (
    *("pyspark.worker", "numpy", "pandas", "pyarrow.parquet", "pyarrow.compute", "pyarrow.fs"),
    *("bfpack_spark.tokens.tokenize_text", "bfpack_spark.tokens.find_repeated_ids"),
    *("bfpack_spark.plan.plan_sequences", "bfpack_spark.sequences.assemble_sequences"),
)


def leave_out_archives() -> None:
    """Look for pyspark and py4j where they are installed, and not in the archives of them, or in
    the jar, that are parts of the package."""
    for archive in [path for path in sys.path if path.endswith((".zip", ".jar"))]:
        package = next((path for path in Path(archive).parents if path.name == "pyspark"), None)
        if package is None or str(package.parent) not in sys.path:
            continue
        if (package / "__init__.py").is_file() and (package.parent / "py4j").is_dir():
            sys.path.remove(archive)
            sys.path_importer_cache.pop(archive, None)


if __name__ == "__main__":
    os.umask(int(os.environ[UMASK], 8))
    leave_out_archives()
    for name in PRELOADED:
        importlib.import_module(name)
    # Not before: importing pickle looks for a package `org`, and finds it in the jar.
    importlib.import_module("bfpack_spark.spark.left_call").make_call()
    gc.freeze()
    importlib.import_module("pyspark.daemon").manager()
