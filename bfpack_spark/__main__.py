"""The command `bfpack`."""

import sys


def main() -> None:
    """Load the command line, which takes a second, and run it. Ctrl-C is answered before, too."""
    try:
        from bfpack_spark.cli.main import main as run  # noqa: PLC0415  # that second
    except KeyboardInterrupt:
        print("bfpack: error: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
