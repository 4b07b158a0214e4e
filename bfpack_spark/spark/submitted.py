"""Whether spark-submit started this process, which is known without Spark."""

import os


def under_submit() -> bool:
    """Return whether spark-submit started this process, which merges stderr into stdout."""
    return "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ
