"""What keeps the files of a local session private to its user: private folders, and umask 077 for
the JVM, which writes shuffle files. What is published keeps the permissions that the user's own
umask gives: workers get that umask back (worker_daemon.py), and the driver keeps it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bfpack_spark.errors import InputError
from bfpack_spark.spark.left_call import CALL, call_in
from bfpack_spark.spark.private_folder import make_private_folder
from bfpack_spark.spark.start_checks import is_local
from bfpack_spark.spark.worker_daemon import UMASK

_DAEMON = "spark.python.daemon.module"
# With these settings the JVM writes tables, which others may read, or workers come from another
# daemon.
_NEED_USERS_UMASK = {"spark.sql.extensions", "spark.python.use.daemon", _DAEMON}


@dataclass(frozen=True, kw_only=True)
class Private:
    """How a session is to be started, so that its files are private."""

    settings: dict[str, str]
    variables: dict[str, str]  # of its environment
    umask: int  # of its JVM


def keep_private(settings: Mapping[str, str], folder: Path) -> Private:
    """Return the settings, with more that keep temporary files in this folder. If the user has
    named directories for them, they go to private folders there."""
    quoted = str(folder).replace("\\", r"\\").replace('"', r"\"")
    java = {"spark.driver.defaultJavaOptions": f'"-Djava.io.tmpdir={quoted}"', **settings}
    users = _current_umask()
    if not is_local(settings["spark.master"]):
        return Private(settings=java, variables={}, umask=users)
    folders = _local_directories(settings, folder)
    java["spark.local.dir"] = folders
    variables = {"SPARK_LOCAL_DIRS": folders} if "SPARK_LOCAL_DIRS" in os.environ else {}
    if _NEED_USERS_UMASK & settings.keys():
        return Private(settings=java, variables=variables, umask=users)
    daemon = {
        _DAEMON: "bfpack_spark.spark.worker_daemon",
        f"spark.executorEnv.{UMASK}": f"{users:o}",
        f"spark.executorEnv.{CALL}": str(call_in(folder)),
    }
    return Private(settings={**java, **daemon}, variables=variables, umask=0o077)


def _local_directories(settings: Mapping[str, str], folder: Path) -> str:
    """Return where shuffle files go, in the form that Spark's setting takes."""
    named = os.environ.get("SPARK_LOCAL_DIRS") or settings.get("spark.local.dir")
    if named:
        parents = [parent.strip() for parent in named.split(",")]
        return ",".join(str(make_private_folder(parent)) for parent in parents)
    if "," in str(folder):
        raise InputError(
            f"TMPDIR {folder.parent}: Spark takes what is behind a comma for another directory; "
            "name one without"
        )
    return str(folder)


def _current_umask() -> int:
    """Return the umask of this process, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
