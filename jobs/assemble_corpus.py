"""`bfpack assemble OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.cli.main import main

main(["assemble", *sys.argv[1:]])
