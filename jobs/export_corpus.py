"""`bfpack export OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.cli.main import main

main(["export", *sys.argv[1:]])
