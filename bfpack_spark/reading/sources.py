"""A version of a bucket's sequences as a source of rows: which one is meant, and where its shards
lie."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bfpack_spark.core.mixed_rows import Order
from bfpack_spark.core.row_order import OrderRules
from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.untrusted import parse_object
from bfpack_spark.files.what_is_there import instead_of_file, instead_of_home, instead_of_version
from bfpack_spark.reading.metadata import (
    VERSION,
    SequencesFacts,
    pointer,
    sequences_facts,
    snapshot_entry,
)

_FORMATS = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One version of a bucket's sequences."""

    directory: str  # of the version
    facts: SequencesFacts

    @property
    def bucket(self) -> str:
        return self.facts.bucket

    @property
    def seq_len(self) -> int:
        return self.facts.seq_len

    @property
    def group_rows(self) -> int:
        """Return the rows of each row group but a shard's last."""
        return rows_per_row_group(self.seq_len, self.facts.format_version)

    @property
    def shard_rows(self) -> list[int]:
        return [shard.rows for shard in self.facts.shards]

    def rows_of(self, shard: int, group: int) -> int:
        """Return the rows of a row group."""
        return min(self.group_rows, self.facts.shards[shard].rows - group * self.group_rows)

    def path_of(self, shard: int) -> str:
        return access.resolve(self.directory, self.facts.shards[shard].path)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Sources of rows, and the order in which their rows come."""

    sources: list[Source]  # all of one seq_len and one tokenizer
    fingerprint: str  # of all that decides the rows
    order: Callable[[OrderRules], Order]
    continues: tuple[str, int] | None = None  # fingerprint of an older stream, and a position


def current_source(output: str, bucket: str, seq_len: int) -> Source:
    """Return what is published. Raises InputError if nothing is, or if it is not what was
    published."""
    home = home_of(output, bucket, seq_len)
    path = f"{home}/_current.json"
    value = access.read_json(path)
    if value is None:
        raise InputError(
            f"bucket {bucket}: no sequences of {seq_len} are published in {output}; "
            "run bfpack pack first, or give another output, bucket or seq_len"
            + instead_of_home(output, bucket, seq_len)
        )
    version, sha256 = pointer(value, path)
    raw, source = _read(home, version)
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise InputError(
            f"{home}/{version}/_manifest.json: not the one that was published; run bfpack verify"
        )
    return _checked(source, bucket, seq_len)


def source_of_version(output: str, bucket: str, seq_len: int, version: str) -> Source:
    """Return the version of this name, which must be complete."""
    if not VERSION.fullmatch(version):
        raise InputError(
            f"version {version}: not a version; it is 16 hex digits, see bfpack versions"
        )
    _, source = _read(home_of(output, bucket, seq_len), version)
    return _checked(source, bucket, seq_len)


def source_of_snapshot(output: str, bucket: str, seq_len: int, snapshot: str) -> Source:
    """Return the version that a snapshot keeps."""
    path = f"{output.rstrip('/')}/_snapshots/{snapshot}.json"
    value = access.read_json(path) if re.fullmatch(r"[A-Za-z0-9._-]+", snapshot) else None
    if value is None:
        there = instead_of_file(output, "snapshots")
        raise InputError(f"snapshot {snapshot}: there is none in {output}{there}")
    version, fingerprint = snapshot_entry(value, path, bucket, seq_len)
    source = source_of_version(output, bucket, seq_len, version)
    if source.facts.fingerprint != fingerprint:
        raise InputError(f"{path}: names another {version} than {source.directory} holds")
    return source


def home_of(output: str, bucket: str, seq_len: int) -> str:
    """Return the directory of all versions of a bucket at this seq_len."""
    return f"{output.rstrip('/')}/{folder_of(bucket)}/sequences-{seq_len}"


def _read(home: str, version: str) -> tuple[bytes, Source]:
    directory = f"{home}/{version}"
    path = f"{directory}/_manifest.json"
    raw = access.read_bytes(path)
    if raw is None:
        output, folder, kind = home.rsplit("/", 2)
        there = instead_of_version(output, f"{folder}/{kind}")
        raise InputError(f"version {version}: not complete in {home}{there}")
    value: dict[str, Any] = parse_object(raw, path)
    return raw, Source(directory=directory, facts=sequences_facts(value, path))


def _checked(source: Source, bucket: str, seq_len: int) -> Source:
    facts, path = source.facts, f"{source.directory}/_manifest.json"
    if facts.format_version not in _FORMATS:
        raise InputError(
            f"{path}: has format {facts.format_version}, and this build reads {_FORMATS}; "
            "install a newer one"
        )
    if (facts.bucket, facts.seq_len) != (bucket, seq_len):
        raise InputError(
            f"{path}: is that of {facts.bucket} at {facts.seq_len}; put back the one of {bucket} "
            f"at {seq_len}"
        )
    if not source.directory.endswith(f"/{facts.version}"):
        raise InputError(f"{path}: is that of version {facts.version}; put back its own")
    return source
