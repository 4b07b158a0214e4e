"""spark-submit jobs/assemble_corpus.py OPTIONS: `bfpack assemble OPTIONS` on the submitter's session."""

import sys

from bfpack_spark.cli import main

main(["assemble", *sys.argv[1:]])
