"""From which version to which `current` moves, and why."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from bfpack_spark.errors import InputError
from bfpack_spark.versions import publication
from bfpack_spark.versions.changes import changes
from bfpack_spark.versions.inputs import SequencesInputs
from bfpack_spark.versions.manifests import Manifest
from bfpack_spark.versions.publication import Home, Version

log = logging.getLogger("bfpack")


@dataclass(frozen=True, kw_only=True)
class Move:
    """Which version was current before another one was published, and how that one differs."""

    earlier: str
    changes: list[str]


def publish_and_say(what: str, version: Version) -> Move | None:
    """Publish a version. If another one was current, log how they differ, and return it."""
    pointer, earlier = publication.readable_pointer(version.home), None
    if pointer is not None and pointer.version != version.name:
        with suppress(InputError):  # it may be damaged
            earlier = publication.read_manifest(version.home, pointer.version)
    publication.publish(version)
    if earlier is None:
        return None
    move = Move(earlier=earlier.version, changes=_differences(version, earlier))
    why = "; ".join(move.changes)
    log.info("%s: current was %s and is now %s: %s", what, move.earlier, version.name, why)
    return move


def _differences(version: Version, earlier: Manifest) -> list[str]:
    """Return how a version differs from an earlier one, and how their token stores differ, if both
    are still there."""
    said = changes(earlier.inputs, version.inputs)
    inputs = (earlier.inputs, version.inputs)
    names = [i.tokens_fingerprint[:16] for i in inputs if isinstance(i, SequencesInputs)]
    if len(set(names)) < 2:
        return said
    tokens = Home(output=version.home.output, bucket=version.home.bucket)
    with suppress(InputError):  # one may be damaged
        before, after = (publication.read_manifest(tokens, name) for name in names)
        if before is not None and after is not None:
            return [*said, *changes(before.inputs, after.inputs)]
    return said
