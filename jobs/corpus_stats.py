"""spark-submit jobs/corpus_stats.py OPTIONS: `bfpack stats OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["stats", *sys.argv[1:]])
