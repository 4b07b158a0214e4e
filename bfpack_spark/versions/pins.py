"""What training runs hold on to: the versions in snapshots and in mixtures."""

from collections.abc import Mapping
from dataclasses import dataclass

from bfpack_spark.versions import mixtures, snapshots
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
    """Raise InputError if a snapshot or a mixture names a version that does not exist."""
    snapshots.check_snapshots(output, pins.snapshots)
    mixtures.check_mixtures(output, pins.mixtures)
