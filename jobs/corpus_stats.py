"""`bfpack stats OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.cli.main import main

main(["stats", *sys.argv[1:]])
