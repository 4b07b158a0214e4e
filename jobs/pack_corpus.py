"""spark-submit jobs/pack_corpus.py OPTIONS: `bfpack pack OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["pack", *sys.argv[1:]])
