"""Saying in the log why a new version is made."""

import logging

from bfpack_spark.versions import versions
from bfpack_spark.versions.changes import changes
from bfpack_spark.versions.versions import Version

log = logging.getLogger("bfpack")


def say_changes(what: str, version: Version) -> None:
    """Log how this version differs from the current one, and whether an unfinished one is
    continued."""
    earlier = versions.current_manifest(version.place)
    if earlier is not None and earlier["fingerprint"] != version.fingerprint:
        why = "; ".join(changes(earlier["inputs"], version.inputs))
        before = earlier["fingerprint"][:16]
        log.info("%s: new version %s beside %s: %s", what, version.name, before, why)
    if version.name in versions.names_in(version.place):
        log.info("%s: continuing the unfinished version %s in place", what, version.name)
