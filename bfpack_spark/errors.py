"""The errors that end a run, and their exit codes (the command line turns each into one line)."""


class InputError(ValueError):
    """A user's mistake, where a retry does not help. The message names the value and the remedy.
    Exit code 2."""


class BusyError(RuntimeError):
    """Another run holds the bucket; a retry helps when that run has ended. Exit code 3."""


class JobError(RuntimeError):
    """The job itself failed (engines disagree, storage, Spark). What was published before stands.
    Exit code 5."""


def said_of_missing(error: ModuleNotFoundError) -> str | None:
    """Return the line for a package that is not installed, or None if it is a part of this one."""
    package = str(error.name).partition(".")[0]
    if package == "bfpack_spark":
        return None
    return (
        f"{package} is not installed; install bfpack-spark[spark], or where Spark is already (then "
        "run it by spark-submit) bfpack-spark[job]"
    )
