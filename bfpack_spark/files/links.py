"""Finding links in places where files of ours should be, before the work begins."""

import re
from collections.abc import Iterator

import pyarrow.fs as pafs

from bfpack_spark.files import access, own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.confined import link_error

_KIND = re.compile(r"tokens|sequences-\d+")
_PINS = re.compile("_snapshots|_mixtures")
_VERSION = re.compile(r"[0-9a-f]{16}")


def refuse_links(output: str, bucket: str) -> None:
    """Raise InputError if there is a link in the place of a bucket, its parts, the snapshots, or
    the mixtures. Other names may be links."""
    if not isinstance(access.locate(output)[0], pafs.LocalFileSystem):
        return
    for inside in _links_of(output, folder_of(bucket)):
        raise link_error(f"{output.rstrip('/')}/{inside}")


def _links_of(output: str, folder: str) -> Iterator[str]:
    yield from _links(output, "", re.compile(f"{re.escape(folder)}|{_PINS.pattern}"))
    for pins in _folders(output, "", _PINS):
        yield from _links(output, pins.lstrip("/"), re.compile(".*"))
    yield from _links(output, folder, re.compile(f"{_KIND.pattern}|_lock"))
    for kind in _folders(output, folder, _KIND):
        yield from _links(output, kind, re.compile(rf"{_VERSION.pattern}|_current\.json"))
        for version in _folders(output, kind, _VERSION):
            yield from _links(output, version, re.compile(".*"))
            for data in _folders(output, version, re.compile(".*")):
                yield from _links(output, data, re.compile(".*"))


def _links(output: str, inside: str, names: re.Pattern[str]) -> list[str]:
    found = own_files.kinds_in(output, inside).items()
    links = sorted(name for name, kind in found if kind == "link" and names.fullmatch(name))
    return [f"{inside}/{name}".lstrip("/") for name in links]


def _folders(output: str, inside: str, names: re.Pattern[str]) -> list[str]:
    found = own_files.folders_in(output, inside)
    return [f"{inside}/{name}" for name in found if names.fullmatch(name)]
