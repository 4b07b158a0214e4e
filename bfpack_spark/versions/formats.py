"""Versions of earlier formats, which need not be made anew."""

from dataclasses import replace

from bfpack_spark.files import access
from bfpack_spark.versions.inputs import formats_of
from bfpack_spark.versions.publication import Version


def in_any_format(version: Version) -> Version:
    """Return the complete version of these inputs, of the newest format that there is. If none is
    complete, return the version itself, which is of the format that is written."""
    earlier = formats_of(version.inputs)[1:]
    each = (version, *(replace(version, earlier_format=number) for number in earlier))
    there = (one for one in each if access.exists(f"{one.directory}/_manifest.json"))
    return next(there, version)
