"""The parent of Spark's Python workers in sessions that bfpack starts.

The JVM runs under umask 077, so that nobody but its user can read its shuffle files. Workers write
what is published, which others may read as far as the user's own umask lets them, so the workers
get that umask back. What workers keep for themselves they make by `tempfile`, which makes it
private.

Workers are forked from this process, so an import costs once here, and not once in each worker.
After each task, Spark's worker looks for garbage. What was imported here is none, and looking
through it would cost 45 ms of CPU a task, so it is frozen.
"""

import gc
import importlib
import os

from pyspark.daemon import manager

UMASK = "BFPACK_UMASK"
# The slowest imports of those that every worker needs: 0.7 s of CPU in all.
PRELOADED = (
    *("pyspark.worker", "numpy", "pandas", "pyarrow.parquet", "pyarrow.compute", "pyarrow.fs"),
    *("fastokens", "tokenizers"),
)

if __name__ == "__main__":
    os.umask(int(os.environ[UMASK], 8))
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    manager()
