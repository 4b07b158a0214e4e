"""The command `bfpack`."""

import sys
from collections.abc import Sequence

from bfpack_spark.errors import said_of_missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the command line and run it. Ctrl-C is answered before, too. Exit with 2 and one line if
    a package is missing."""
    try:
        from bfpack_spark.cli.main import main as run  # noqa: PLC0415  # in the try
    except KeyboardInterrupt:
        print("bfpack: error: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        line = said_of_missing(error)
        if line is None:
            raise
        print(f"bfpack: error: {line}", file=sys.stderr)
        sys.exit(2)
    run(arguments)


if __name__ == "__main__":
    main()
