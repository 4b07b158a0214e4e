"""The parent of Spark's Python workers in sessions that bfpack starts.

The JVM runs under umask 077, so that its shuffle files are its user's alone. Workers write what is
published, and others may read that as far as the user's own umask lets them, so they get it back.
What workers keep for themselves they make by `tempfile`, for their user alone.

Workers are forked from this process, so what it imports costs once, and not once a worker.
"""

import importlib
import os

from pyspark.daemon import manager

UMASK = "BFPACK_UMASK"
# What takes longest to import of what every worker needs, 0.7 s of CPU in all.
PRELOADED = (
    *("pyspark.worker", "numpy", "pandas", "pyarrow.parquet", "pyarrow.compute", "pyarrow.fs"),
    *("fastokens", "tokenizers"),
)

if __name__ == "__main__":
    os.umask(int(os.environ[UMASK], 8))
    for name in PRELOADED:
        importlib.import_module(name)
    manager()
