"""The commands that keep house: which versions there are, what is held on to, what may go."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import click

from bfpack_spark.buckets import Outcome, run_each
from bfpack_spark.cli_options import settings_options
from bfpack_spark.cli_print import close, print_removals, print_versions_on_disk, say
from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.storage import snapshots
from bfpack_spark.storage.locks import hold_bucket
from bfpack_spark.storage.pruning import (
    VersionOnDisk,
    buckets_of,
    places_of,
    remove,
    versions_on_disk,
)
from bfpack_spark.storage.versions import Place, current_manifest


@click.command()
@settings_options("output", "bucket")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def versions(settings: Settings, as_json: bool) -> None:
    """All versions, of every bucket unless some are named: state, snapshots, size."""
    output = settings.need("output")
    taken = snapshots.read_snapshots(output)
    print_versions_on_disk(
        [h for name in _buckets(settings) for h in versions_on_disk(output, name, taken)], as_json
    )


@click.command()
@settings_options("output", "bucket", "seq_len")
@click.argument("name")
def snapshot(settings: Settings, name: str) -> None:
    """Write down under NAME what is current, so that prune keeps it for those who read it."""
    if not re.fullmatch(r"[A-Za-z0-9-][A-Za-z0-9._-]*", name):
        raise InputError(f"snapshot {name!r}: use letters, digits and ._- only, no . or _ in front")
    output, names = settings.need("output"), _buckets(settings)
    with ExitStack() as held:  # what is current stays so until it is written down
        for bucket in names:
            held.enter_context(hold_bucket(output, bucket))
        places = _published(output, names, settings.seq_len)
        say(snapshots.write_snapshot(output, name, snapshots.take_snapshot(places)))


@click.command()
@settings_options("output", "bucket")
@click.option("--yes", is_flag=True, help="remove them; without it they are only listed")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def prune(settings: Settings, yes: bool, as_json: bool) -> int:
    """Remove versions that are neither current, nor in a snapshot, nor needed by one that is."""
    output = settings.need("output")
    act = _remove_all if yes else _removable
    outcomes = run_each((name, partial(act, output, name)) for name in _buckets(settings))
    print_removals(_made(outcomes), outcomes, as_json, "removed" if yes else "would remove")
    return close(outcomes)


def _removable(output: str, bucket: str) -> list[VersionOnDisk]:
    found = versions_on_disk(output, bucket, snapshots.read_snapshots(output))
    return [version for version in found if version.kept is None]


def _remove_all(output: str, bucket: str) -> list[VersionOnDisk]:
    with hold_bucket(output, bucket) as lock:
        found = _removable(output, bucket)
        # Sequences before the token stores that they are verified by.
        for version in reversed(found):
            remove(version, lock)
    return found


def _made(outcomes: list[Outcome]) -> list[VersionOnDisk]:
    return [version for outcome in outcomes for version in outcome.made or []]


def _buckets(settings: Settings) -> Sequence[str]:
    output = settings.need("output")
    there = buckets_of(output)
    for name in settings.bucket:
        if name not in there:
            raise InputError(f"--bucket {name}: none of the name in {output}; see bfpack versions")
    if not there:
        raise InputError(f"--output {output}: holds no bucket; name one that bfpack pack has made")
    return settings.bucket or there


def _published(output: str, names: Sequence[str], seq_lens: Sequence[int]) -> list[Place]:
    """Places of published sequences; of these seq_lens, or of all there are."""
    if seq_lens:
        return [Place(output=output, bucket=b, seq_len=n) for b in names for n in seq_lens]
    places = [place for bucket in names for place in places_of(output, bucket)]
    found = [p for p in places if p.seq_len is not None and current_manifest(p) is not None]
    if not found:
        raise InputError(f"--output {output}: no sequences published; run bfpack pack first")
    return found
