"""spark-submit jobs/verify_corpus.py OPTIONS: `bfpack verify OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["verify", *sys.argv[1:]])
