"""spark-submit jobs/tokenize_corpus.py OPTIONS: `bfpack tokenize OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["tokenize", *sys.argv[1:]])
