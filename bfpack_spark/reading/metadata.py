"""The JSON that a reader needs of an output: pointers, manifests and snapshots.

A training machine has the plain dependencies alone, so the checks of versions/ are made here once
more, for the few values that a reader takes. The metadata is data from outside: a value of another
type, or a path that leads elsewhere, ends in an InputError of one line.
"""

import re
from dataclasses import dataclass
from typing import Any

from bfpack_spark.errors import InputError

_SHARD = re.compile(r"(\.\./[0-9a-f]{16}/)?shards/part-[A-Za-z0-9._-]+")
VERSION = re.compile(r"[0-9a-f]{16}")
SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "put back the one that was written"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard, as the manifest lists it. The path is relative to the version's directory."""

    path: str
    rows: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SequencesFacts:
    """What a manifest of sequences says, as far as a reader needs it."""

    bucket: str
    seq_len: int
    fingerprint: str
    format_version: int
    tokenizer: dict[str, Any]
    tokens_fingerprint: str
    shards: list[Shard]
    has_masks: bool = False
    num_repeated: int = 0  # first tokens of each later fragment: those of one before, and BOS

    @property
    def version(self) -> str:
        return self.fingerprint[:16]

    @property
    def num_rows(self) -> int:
        return sum(shard.rows for shard in self.shards)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A JSON object of the file `path`, whose values are checked as they are taken."""

    value: dict[str, Any]
    path: str

    def count(self, name: str) -> int:
        """Return a number of 0..2^63-1."""
        held = self.value.get(name)
        if isinstance(held, int) and not isinstance(held, bool) and 0 <= held < 2**63:
            return held
        raise self.wrong(name, "is no count")

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """Return a text, which must have this pattern."""
        held = self.value.get(name)
        if isinstance(held, str) and (pattern is None or pattern.fullmatch(held)):
            return held
        raise self.wrong(name, "is not what it should be")

    def part(self, name: str) -> "Reader":
        """Return the object of this name."""
        held = self.value.get(name)
        if isinstance(held, dict):
            return Reader(value=held, path=self.path)
        raise self.wrong(name, "is no object")

    def parts(self, name: str) -> list["Reader"]:
        """Return the objects in the list of this name."""
        held = self.value.get(name)
        if isinstance(held, list) and all(isinstance(each, dict) for each in held):
            return [Reader(value=each, path=self.path) for each in held]
        raise self.wrong(name, "is no list of objects")

    def wrong(self, name: str, why: str) -> InputError:
        return InputError(
            f"{self.path}: {name} {ascii(self.value.get(name))[:60]} {why}; {_REMEDY}"
        )


def pointer(value: dict[str, Any], path: str) -> tuple[str, str]:
    """Return version and sha256 of the manifest that a _current.json names."""
    reader = Reader(value=value, path=path)
    return reader.text("version", VERSION), reader.text("manifest_sha256", SHA256)


def snapshot_entry(value: dict[str, Any], path: str, bucket: str, seq_len: int) -> tuple[str, str]:
    """Return version and fingerprint that a snapshot keeps. Raises InputError if it keeps none."""
    buckets = Reader(value=value, path=path).part("buckets")
    held = buckets.part(bucket).value if bucket in buckets.value else {}
    if str(seq_len) not in held:
        there = [f"{b} at {s}" for b, of in buckets.value.items() for s in of]
        raise InputError(
            f"snapshot {path}: holds no bucket {bucket} at {seq_len}; it holds {', '.join(there)}"
        )
    entry = Reader(value=held, path=path).part(str(seq_len))
    return entry.text("version", VERSION), entry.text("fingerprint", SHA256)


def sequences_facts(value: dict[str, Any], path: str) -> SequencesFacts:
    """Return what a manifest of sequences says."""
    manifest = Reader(value=value, path=path)
    facts = SequencesFacts(
        bucket=manifest.text("bucket"),
        seq_len=manifest.count("seq_len"),
        fingerprint=manifest.text("fingerprint", SHA256),
        format_version=manifest.count("format_version"),
        tokenizer=manifest.part("tokenizer").value,
        tokens_fingerprint=manifest.part("inputs").text("tokens_fingerprint", SHA256),
        shards=_shards(manifest),
        has_masks=_has_masks(manifest),
        num_repeated=_num_repeated(manifest.part("inputs")),
    )
    if facts.num_rows != manifest.part("totals").count("sequences"):
        raise InputError(
            f"{path}: its shards hold {facts.num_rows:,} rows, which is not its total; {_REMEDY}"
        )
    if not facts.seq_len:
        raise manifest.wrong("seq_len", "is no length")
    return facts


def _has_masks(manifest: Reader) -> bool:
    """Return whether targets were counted, which is done where documents have loss masks."""
    if "accounting" not in manifest.value:
        return False
    return manifest.part("accounting").value.get("targets") is not None


def _num_repeated(inputs: Reader) -> int:
    """Return how many tokens are no targets where a fragment begins that goes on with a document,
    if tokens are repeated there. Both options stand in a manifest only if they are set."""
    if "configuration" not in inputs.value:
        return 0
    options = inputs.part("configuration")
    overlap = options.count("overlap") if "overlap" in options.value else 0
    return overlap + (options.value.get("bos_at") == "fragment") if overlap else 0


def _shards(manifest: Reader) -> list[Shard]:
    files = [each for each in manifest.parts("files") if each.text("kind") == "shards"]
    shards = [
        Shard(
            path=file.text("path", _SHARD),
            rows=file.count("rows"),
            num_bytes=file.count("bytes"),
            sha256=file.text("sha256", SHA256),
        )
        for file in files
    ]
    # Their numbers, which give the order of rows, have more digits from 100,000 shards on.
    return sorted(shards, key=lambda shard: (len(shard.path), shard.path))
