"""`bfpack tokenize OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.cli.main import main

main(["tokenize", *sys.argv[1:]])
