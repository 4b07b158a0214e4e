"""spark-submit jobs/plan_corpus.py OPTIONS: `bfpack plan OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["plan", *sys.argv[1:]])
