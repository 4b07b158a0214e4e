"""The removal of versions that nothing keeps, and of what killed runs left. If a pointer, a
manifest, a snapshot or a mixture does not say what is to be kept, nothing of the bucket is
removed."""

from collections.abc import Iterator
from dataclasses import dataclass

from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.holders import Lock
from bfpack_spark.versions import publication
from bfpack_spark.versions.on_disk import UNFINISHED_DAYS, VersionOnDisk, homes_of, is_old
from bfpack_spark.versions.pins import FOLDERS
from bfpack_spark.versions.publication import Home
from bfpack_spark.versions.refusals import refusal_of


@dataclass(frozen=True, kw_only=True)
class LeftOver:
    """A file that a killed run left and that is in no version's manifest."""

    bucket: str | None  # None: beside snapshots or mixtures
    path: str  # inside the output
    num_bytes: int


def left_over(output: str, bucket: str) -> list[LeftOver]:
    """Return the files of writes that were cut short, beside versions and in complete ones. A
    caller that holds the bucket's lock knows that no run is still writing them."""
    folder = folder_of(bucket)
    complete = {
        f"{home.inside}/{name}/_temporary/".removeprefix(f"{folder}/")
        for home in homes_of(output, bucket)
        for name in publication.names_in(home)
        if publication.is_complete(home, name)
    }
    return [
        LeftOver(bucket=bucket, path=f"{folder}/{path}", num_bytes=facts.size)
        for path, facts in own_files.files_below(output, folder).items()
        if publication.is_left_over(path) or path.startswith(tuple(complete))
    ]


def left_over_pins(output: str) -> list[LeftOver]:
    """Return the files of snapshots and mixtures that were cut short. They have no lock, so these
    files must be older than 7 days."""
    return [
        LeftOver(bucket=None, path=f"{folder}/{path}", num_bytes=facts.size)
        for folder in FOLDERS
        for path, facts in own_files.files_below(output, folder).items()
        if publication.is_left_over(path) and is_old(facts.modified / 1e9, UNFINISHED_DAYS)
    ]


def remove(version: VersionOnDisk, lock: Lock) -> None:
    """Remove a version, its manifest first. If the removal is cut short, what remains is an
    unfinished version, which no reader takes for a whole one."""
    assert version.kept is None, f"{version.name} is kept: {version.kept}"
    lock.check()
    output = version.home.output
    own_files.delete_file(output, f"{version.inside}/_manifest.json")
    own_files.sync_folders(output, version.inside)
    own_files.delete_tree(output, version.inside)


def check_nothing_is_damaged(output: str, bucket: str) -> None:
    """Raise InputError, which names every damage, if a pointer or a manifest of the bucket does not
    say what is to be kept."""
    damages = [said for home in homes_of(output, bucket) for said in damages_of(home)]
    if damages:
        raise InputError("; ".join(damages))


def damages_of(home: Home) -> Iterator[str]:
    """Yield what is wrong with the metadata of a home, and what to do about it."""
    path = f"{home.directory}/_current.json"
    pointer, unreadable = None, None
    try:  # before the versions, which a run completes before it lets the pointer name them
        pointer = publication.read_pointer(home)
    except InputError as error:
        unreadable = str(error)
    complete = []
    for name in publication.names_in(home):
        try:
            if publication.read_manifest(home, name) is not None:
                complete.append(name)
        except InputError as error:
            yield str(error)
    if unreadable is not None:
        yield unreadable
        return
    let_in = [name for name in complete if refusal_of(home, name) is None]
    if pointer is None and let_in:
        yield (
            f"{path}: is missing beside complete versions ({', '.join(let_in)}), so nobody knows "
            "which is current; run bfpack pack again, which publishes one, or put it back"
        )
    elif pointer is not None and pointer.version not in complete:
        yield (
            f"{path}: names {pointer.version}, which is not complete there; run bfpack pack "
            "again, which publishes one, or put back what was written"
        )
    elif pointer is not None and not publication.is_pointed_at(home, pointer):
        yield (
            f"{path}: its manifest_sha256 is not that of {pointer.manifest}; put back the "
            "manifest or the pointer that was written"
        )
