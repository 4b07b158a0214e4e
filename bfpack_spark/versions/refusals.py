"""Token stores that are complete and were refused, because too much of them is in quarantine. A
note beside the manifest says so until the store is published."""

from contextlib import suppress

from bfpack_spark.errors import InputError
from bfpack_spark.files import write_own_files
from bfpack_spark.versions.metadata import Metadata, read_metadata
from bfpack_spark.versions.publication import REFUSED, Home, Version, is_current


class Refusal(Metadata):
    """The contents of _refused.json."""

    why: str


def note_refusal(version: Version, why: str) -> None:
    """Note that a version is not published, and why. If it is current, it was let in before, and
    nothing is noted."""
    if not is_current(version.home, version.name):
        write_own_files.write_json(version.home.output, f"{version.inside}/{REFUSED}", {"why": why})


def refusal_of(home: Home, name: str) -> str | None:
    """Return why a version was refused, or None if it was not, or if its note is damaged."""
    with suppress(InputError):
        refusal = read_metadata(f"{home.directory}/{name}/{REFUSED}", Refusal)
        return None if refusal is None else refusal.why
    return None
