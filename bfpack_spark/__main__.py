"""The command `bfpack`."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the command line, which takes a second, and run it. Ctrl-C is answered before, too. Exit
    with 2 and one line if a package is missing."""
    try:
        from bfpack_spark.cli.main import main as run  # noqa: PLC0415  # that second
    except KeyboardInterrupt:
        print("bfpack: error: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "bfpack_spark":
            raise
        print(
            f"bfpack: error: {package} is not installed; install bfpack-spark[spark], or where "
            "Spark is already (then run it by spark-submit) bfpack-spark[job]",
            file=sys.stderr,
        )
        sys.exit(2)
    run(arguments)


if __name__ == "__main__":
    main()
