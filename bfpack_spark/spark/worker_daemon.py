"""The parent of Spark's Python workers in sessions that bfpack starts.

The JVM runs under umask 077, so that its shuffle files are its user's alone. Workers write what is
published, and others may read that as far as the user's own umask lets them, so they get it back.
What workers keep for themselves they make by `tempfile`, for their user alone.
"""

import os

from pyspark.daemon import manager

UMASK = "BFPACK_UMASK"

if __name__ == "__main__":
    os.umask(int(os.environ[UMASK], 8))
    manager()
