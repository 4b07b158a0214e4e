"""`bfpack export OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.__main__ import main

main(["export", *sys.argv[1:]])
