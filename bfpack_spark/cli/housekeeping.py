"""The commands for housekeeping: which versions there are, are kept, and may be removed."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import click
import cloup

from bfpack_spark.cli.each_bucket import run_each
from bfpack_spark.cli.on_disk import print_removals, print_versions
from bfpack_spark.cli.one_place import published_homes
from bfpack_spark.cli.options import command, json_option, settings_options
from bfpack_spark.cli.printing import close, say
from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.files.what_is_there import instead
from bfpack_spark.versions import snapshots
from bfpack_spark.versions.metadata import check_name
from bfpack_spark.versions.on_disk import (
    UNFINISHED_DAYS,
    VersionOnDisk,
    buckets_of,
    homes_of,
    versions_on_disk,
)
from bfpack_spark.versions.pins import check_pins, read_pins
from bfpack_spark.versions.pruning import (
    LeftOver,
    check_nothing_is_damaged,
    damages_of,
    left_over,
    left_over_pins,
    remove,
)


@command("bfpack versions --output out")
@settings_options("output", "bucket", required=("output",))
@json_option
def versions(settings: Settings, as_json: bool) -> None:
    """List the versions of all buckets, or of those that are named: their state, the snapshots and
    mixtures that hold them, their size, and what is wrong with the files that name them."""
    output = settings.need("output")
    pins = read_pins(output)
    names = _buckets(settings)
    on_disk = [h for name in names for h in versions_on_disk(output, name, pins)]
    homes = [home for name in names for home in homes_of(output, name)]
    print_versions(on_disk, {p: list(damages_of(p)) for p in homes}, as_json)


@command("bfpack snapshot --output out run-7")
@settings_options("output", "bucket", "seq_len", required=("output",))
@cloup.argument("name")
def snapshot(settings: Settings, name: str) -> None:
    """Write down under NAME which versions are current, so that prune keeps them for their readers.
    Print the file of the snapshot."""
    check_name("snapshot", name)
    output, names = settings.need("output"), _buckets(settings)
    with ExitStack() as held:  # current versions stay current until the note is written
        for bucket in names:
            held.enter_context(hold_bucket(output, bucket))
        taken = snapshots.take_snapshot(published_homes(settings, names))
        say(snapshots.write_snapshot(output, name, taken))


@command("bfpack prune --output out --yes")
@settings_options("output", "bucket", required=("output",))
@cloup.option("--yes", is_flag=True, help="Removes what is listed. Without it, nothing is removed.")
@cloup.option(
    "--unfinished-days",
    type=click.FloatRange(min=0),
    default=UNFINISHED_DAYS,
    show_default=True,
    help="Keeps an unfinished version for this many days after a run last wrote to it.",
)
@json_option
def prune(settings: Settings, yes: bool, unfinished_days: float, as_json: bool) -> int:
    """Remove versions that are neither current, nor in a snapshot or a mixture, nor needed by one
    that is, and what killed runs left beside them. Say what is kept, and why. Parts of uploads
    to an object store that were given up are removed by the store's own lifecycle rule,
    AbortIncompleteMultipartUpload."""
    if math.isnan(unfinished_days):
        raise InputError("--unfinished-days nan: give a number of days, such as 7")
    output = settings.need("output")
    act = _remove_all if yes else _sorted_out
    outcomes = run_each(
        (name, partial(act, output, name, unfinished_days)) for name in _buckets(settings)
    )
    sorted_out: list[_SortedOut] = [outcome.result for outcome in outcomes if outcome.result]
    kept = [version for each in sorted_out for version in each.kept]
    removals = [removable for each in sorted_out for removable in each.removals]
    beside_pins = left_over_pins(output) if sorted_out else []
    for file in beside_pins if yes else ():
        own_files.delete_file(output, file.path)
    removals += beside_pins
    print_removals(removals, kept, outcomes, "removed" if yes else "would remove", as_json)
    return close(outcomes)


@dataclass(frozen=True, kw_only=True)
class _SortedOut:
    """What of a bucket may be removed, and which versions something keeps."""

    removals: list[VersionOnDisk | LeftOver]
    kept: list[VersionOnDisk]


def _sorted_out(output: str, bucket: str, unfinished_days: float) -> _SortedOut:
    pins = read_pins(output)
    check_pins(output, pins)
    check_nothing_is_damaged(output, bucket)
    there = versions_on_disk(output, bucket, pins, unfinished_days)
    found = [version for version in there if version.kept is None]
    gone = tuple(f"{version.inside}/" for version in found)
    rest = [file for file in left_over(output, bucket) if not file.path.startswith(gone)]
    kept = [version for version in there if version.kept is not None]
    return _SortedOut(removals=[*found, *rest], kept=kept)


def _remove_all(output: str, bucket: str, unfinished_days: float) -> _SortedOut:
    with hold_bucket(output, bucket) as lock:
        sorted_out = _sorted_out(output, bucket, unfinished_days)
        # Sequences go before the token stores by which they are verified.
        for removable in reversed(sorted_out.removals):
            if isinstance(removable, VersionOnDisk):
                remove(removable, lock)
            else:
                own_files.delete_file(output, removable.path)
    return sorted_out


def _buckets(settings: Settings) -> Sequence[str]:
    output = settings.need("output")
    there = buckets_of(output)
    for name in settings.bucket:
        if name not in there:
            raise InputError(
                f"--bucket {name}: no such bucket in {output}{instead('buckets', there)}"
            )
    if not there:
        raise InputError(f"--output {output}: holds no bucket; name one that bfpack pack has made")
    return settings.bucket or there
