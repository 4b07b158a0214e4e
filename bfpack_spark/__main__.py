"""The command `bfpack`."""

import os
import sys
from collections.abc import Sequence

from bfpack_spark.errors import said_of_missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the command line and run it. Ctrl-C is answered before, too. Exit with 2 and one line if
    a package is missing, and with 5 if one cannot be loaded."""
    _open_streams()
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
    except ImportError as error:
        print(f"bfpack: error: a package cannot be loaded: {error}", file=sys.stderr)
        sys.exit(5)
    run(arguments)


def _open_streams() -> None:
    """Open each of stdin, stdout and stderr that this process was started without. Otherwise the
    next file that it opens would have its number, and what is printed would be written there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(opened, True)  # noqa: FBT003  # it takes no keyword
            setattr(sys, name, open(opened, "w" if number else "r", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
