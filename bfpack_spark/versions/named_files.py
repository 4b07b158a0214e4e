"""The files of what has a name of its own, snapshots and mixtures. They never change."""

from bfpack_spark.errors import InputError
from bfpack_spark.files import create_own_files
from bfpack_spark.versions.metadata import Metadata, read_metadata


def write_named(output: str, inside: str, value: Metadata, what: str) -> str:
    """Write a value to this new file of an output, and return its path. If this same value is
    there already, nothing is written. Raises InputError, which says `what` it is, if another value
    is there."""
    path = f"{output.rstrip('/')}/{inside}"
    is_new = create_own_files.create_json(output, inside, value.as_json())
    if not is_new and read_metadata(path, type(value)) != value:
        raise InputError(f"{what}: there is another of this name, {path}; take a new name")
    return path
