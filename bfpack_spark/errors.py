"""What ends a run, and with which exit code (the command line turns these into one line)."""


class InputError(ValueError):
    """A user's mistake, not worth a retry: the message names the value and the remedy. Exit 2."""


class BusyError(RuntimeError):
    """Another run holds the bucket; worth a retry when it has ended. Exit 3."""


class JobError(RuntimeError):
    """The job itself failed (engines disagree, storage, Spark); nothing was published. Exit 5."""
