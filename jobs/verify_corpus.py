"""`bfpack verify OPTIONS` for spark-submit, on its session."""

import sys

from bfpack_spark.__main__ import main

main(["verify", *sys.argv[1:]])
