"""What a reader is asked to open: a stream of rows of some sources."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bfpack_spark.core.row_order import RowOrder
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import as_it_travels
from bfpack_spark.reading.mixture import open_mixture
from bfpack_spark.reading.sources import (
    Source,
    Stream,
    current_source,
    source_of_snapshot,
    source_of_version,
)
from bfpack_spark.reading.state import whole_number


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of an output is to be read."""

    bucket: str | None
    seq_len: int | None
    version: str | None
    snapshot: str | None
    mixture: str | None


def open_stream(output: str | Path, choice: Choice) -> Stream:
    """Return the stream that is meant. Raises InputError if there is no such version, or if too
    little or too much is said."""
    where = _address(output)
    if choice.mixture is not None:
        return _mixed(where, choice)
    source = _source(where, choice)
    order = partial(RowOrder, source.shard_rows, source.group_rows)
    return Stream(sources=[source], fingerprint=source.facts.fingerprint, order=order)


def _address(output: str | Path) -> str:
    if not isinstance(output, str | Path):
        raise InputError(f"output {output!r:.60}: give a path or an address")
    try:
        written = as_it_travels(str(output))
    except ValueError as error:
        raise InputError(f"output: {error}") from None
    if "\0" in written:
        raise InputError(f"output {written!r:.60}: no path has a null character")
    return access.absolute(written)


def _mixed(output: str, choice: Choice) -> Stream:
    """Return the stream of a mixture."""
    for name in ("bucket", "version", "snapshot"):
        if (value := getattr(choice, name)) is not None:
            raise InputError(
                f"{name} {value}: mixture {choice.mixture} names its buckets and versions; give "
                "one of the two"
            )
    mixed = open_mixture(output, str(choice.mixture))
    seq_len = mixed.sources[0].seq_len
    if choice.seq_len not in (None, seq_len):
        raise InputError(
            f"seq_len {choice.seq_len}: mixture {choice.mixture} has {seq_len}; leave it out"
        )
    return mixed


def _source(output: str, choice: Choice) -> Source:
    bucket, seq_len = choice.bucket, choice.seq_len
    if bucket is None or seq_len is None:
        raise InputError(f"{output}: give bucket and seq_len, or a mixture")
    seq_len = whole_number("seq_len", seq_len, 1)
    if choice.version is not None and choice.snapshot is not None:
        raise InputError(
            f"version {choice.version}, snapshot {choice.snapshot}: give one of the two"
        )
    if choice.version is not None:
        return source_of_version(output, bucket, seq_len, choice.version)
    if choice.snapshot is not None:
        return source_of_snapshot(output, bucket, seq_len, choice.snapshot)
    return current_source(output, bucket, seq_len)
