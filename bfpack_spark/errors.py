"""The errors that end a run, and their exit codes (the command line turns each into one line)."""


class InputError(ValueError):
    """A user's mistake, which no retry helps. The message names value and remedy. Exit code 2."""


class BusyError(RuntimeError):
    """Another run holds the bucket; a retry helps when that run has ended. Exit code 3."""


class JobError(RuntimeError):
    """The job itself failed (engines disagree, storage, Spark). What was published before stands.
    Exit code 5."""


CODES: dict[type[Exception], int] = {InputError: 2, BusyError: 3, JobError: 5}


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error whose text is the line that explains it, or None."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), None)


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether an error came of Ctrl-C. The library that speaks with the JVM may fail while
    it passes an interrupt on."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def said_of_missing(error: ModuleNotFoundError) -> str | None:
    """Return the line for a package that is not installed, or None if it is a part of this one."""
    package = str(error.name).partition(".")[0]
    if package == "bfpack_spark":
        return None
    return (
        f"{package} is not installed; install bfpack-spark[spark], or where Spark is already (then "
        "run it by spark-submit) bfpack-spark[job]"
    )
