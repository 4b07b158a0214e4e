"""What training runs hold on to: the versions in snapshots and in mixtures."""

from collections.abc import Mapping
from dataclasses import dataclass

from bfpack_spark.errors import InputError
from bfpack_spark.versions import mixtures, publication, snapshots
from bfpack_spark.versions.mixtures import Mixture
from bfpack_spark.versions.publication import Home
from bfpack_spark.versions.snapshots import Snapshot

FOLDERS = (snapshots.FOLDER, mixtures.FOLDER)


@dataclass(frozen=True, kw_only=True)
class Pins:
    """All snapshots and mixtures of an output, by name."""

    snapshots: dict[str, Snapshot]
    mixtures: dict[str, Mixture]

    def snapshots_of(self, home: Home, version: str) -> list[str]:
        """Return the names of the snapshots that keep a version of sequences."""
        return _named(self.snapshots, home, version)

    def mixtures_of(self, home: Home, version: str) -> list[str]:
        """Return the names of the mixtures that keep a version of sequences."""
        return _named(self.mixtures, home, version)


def _named(pins: Mapping[str, Snapshot | Mixture], home: Home, version: str) -> list[str]:
    return sorted(name for name, kept in pins.items() if kept.version_in(home) == version)


def read_pins(output: str) -> Pins:
    """Return what is kept. Raises InputError if a snapshot or a mixture cannot be read."""
    return Pins(snapshots=snapshots.read_snapshots(output), mixtures=mixtures.read_mixtures(output))


def check_pins(output: str, pins: Pins) -> None:
    """Raise InputError if a snapshot or a mixture names a version that does not exist: what it
    should keep would be removed."""
    _check(output, snapshots.FOLDER, pins.snapshots, "correct the snapshot, or remove it")
    _check(output, mixtures.FOLDER, pins.mixtures, "put the version back, or remove the mixture")


def _check(output: str, folder: str, pins: Mapping[str, Snapshot | Mixture], remedy: str) -> None:
    for name, kept in pins.items():
        for home, entry in kept.entries(output):
            manifest = publication.read_manifest(home, entry.version)
            if manifest is None or manifest.fingerprint != entry.fingerprint:
                raise InputError(
                    f"{output.rstrip('/')}/{folder}/{name}.json: names {entry.version} of "
                    f"{home.directory}, which is not there; {remedy} if nothing reads it"
                )
