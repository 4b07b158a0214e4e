"""`bfpack plan OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.__main__ import main

main(["plan", *sys.argv[1:]])
