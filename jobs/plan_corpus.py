"""`bfpack plan OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.cli.main import main

main(["plan", *sys.argv[1:]])
