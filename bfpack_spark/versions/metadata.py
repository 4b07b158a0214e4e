"""What pointers, manifests, plan notes and snapshots must look like. They are data from outside:
whoever can write to OUTPUT can change them, and disks flip bits.

Keys that are not named here are allowed, so that a newer build may write more. A value of another
type, a path that leads elsewhere, deep nesting, NaN or a file that is far too large gives an error
of one line.
"""

from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bfpack_spark.core.accounting import Accounting
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.untrusted import parse_object

_SHOWN = 60  # characters of a wrong value
_VERSION = r"[0-9a-f]{16}"
_PATH = rf"^(\.\./{_VERSION}/)?(documents|quarantine|plan|shards)/part-[A-Za-z0-9._-]+$"
_SMALL, _LARGE = 1 << 20, 1 << 29  # bytes; a million input files take 150 MB of a manifest

Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
Hex16: TypeAlias = Annotated[str, Field(pattern=rf"^{_VERSION}$")]
Hex64: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Metadata(BaseModel):
    """A JSON object of ours, in a file of its own or as a part of one."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    remedy: ClassVar[str] = "put back the one that was written"


class Pointer(Metadata):
    """The contents of _current.json, which names the current version."""

    version: Hex16
    manifest: str
    manifest_sha256: Hex64

    @model_validator(mode="after")
    def _names_its_version(self) -> "Pointer":
        if self.manifest != f"{self.version}/_manifest.json":
            raise ValueError(f"manifest {self.manifest[:_SHOWN]!r} is not that of {self.version}")
        return self


class Entry(Metadata):
    """A file of a version, with its path relative to the version's directory."""

    path: Annotated[str, Field(pattern=_PATH)]
    kind: Literal["documents", "quarantine", "plan", "shards"]
    rows: Count
    tokens: Count
    bytes: Count
    sha256: Hex64
    ids_sha256: Hex64 | None

    @model_validator(mode="after")
    def _lies_in_its_folder(self) -> "Entry":
        if self.path.split("/")[-2] != self.kind:
            raise ValueError(f"{self.path} is no file of {self.kind}")
        return self


class _Manifest(Metadata):
    format_version: Count
    kind: Literal["tokens", "sequences"]
    bucket: str
    seq_len: Count | None
    fingerprint: Hex64
    files: list[Entry]

    @field_validator("files")
    @classmethod
    def _each_once(cls, entries: list[Entry]) -> list[Entry]:
        if len({entry.path for entry in entries}) < len(entries):
            raise ValueError("a file is listed twice")
        return entries


class _TokenConfiguration(Metadata):
    eos_id: Count
    bos_id: Count | None


class _TokenInputs(Metadata):
    configuration: _TokenConfiguration
    tokenizer_sha256: Hex64
    inventory: list[Annotated[list[str | int], Field(min_length=3)]]


class _TokenTotals(Metadata):
    documents: Count
    tokens: Count


class _TokenAccounting(_TokenTotals):
    documents_in: Annotated[int, Field(gt=0, lt=2**63)]
    documents_empty: Count
    documents_quarantined: dict[str, Count]
    tokens_inserted: Count
    bytes_in: Count = 0
    bytes_quarantined: dict[str, Count] = Field(default_factory=dict)


class _Increment(Metadata):
    accounting: dict[str, Count | dict[str, Count]]
    first_places: dict[str, str]


class _Tokenizer(Metadata):
    vocabulary_size: Annotated[int, Field(gt=0, lt=2**31)]
    eos_id: Count
    bos_id: Count | None
    own_pad_id: Count | None


class _LeftOut(Metadata):
    name: str
    reason: str


class ReadFile(Metadata):
    """An input file, and what was read of it (null: not known, or not counted in its format)."""

    name: str
    size: Count
    modified: int | None = None
    etag: str | None = None
    rows: Count | None = None
    bytes: Count | None = None
    documents: Count | None = None


class TokensManifest(_Manifest):
    """The manifest of a token store."""

    left_out: list[_LeftOut] = Field(default_factory=list)  # earlier builds did not write it
    inputs: _TokenInputs
    totals: _TokenTotals
    accounting: _TokenAccounting
    tokenizer: _Tokenizer
    first_places: dict[str, str] = Field(default_factory=dict)
    increment: _Increment | None = None
    inventory: list[ReadFile] | None = None


class _Rules(Metadata):
    packing: Literal["best_fit", "concat"]
    long_documents: Literal["split", "truncate", "drop"]
    group_documents_max: Annotated[int, Field(gt=0)]
    seed: Count
    pad_id: Count


class _SequencesInputs(Metadata):
    configuration: _Rules
    tokens_fingerprint: Hex64


class _SequencesTotals(Metadata):
    sequences: Count
    tokens: Count
    shards: Count


class _SequencesTokenizer(_Tokenizer):
    pad_id: Count
    pad_is_eos: bool


def _complete(accounting: dict[str, Any]) -> dict[str, Any]:
    missing = sorted({field.name for field in fields(Accounting)} - accounting.keys())
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    return accounting


class SequencesManifest(_Manifest):
    """The manifest of a version of sequences."""

    inputs: _SequencesInputs
    totals: _SequencesTotals
    accounting: dict[str, Count | float | dict[str, Count]]
    tokenizer: _SequencesTokenizer

    _accounting = field_validator("accounting")(_complete)


class PlanNote(Metadata):
    """The contents of _plan.json: a plan that is complete and not yet assembled."""

    remedy: ClassVar[str] = "remove it, and the plan is made anew"

    files: Annotated[list[Entry], Field(min_length=1)]
    accounting: dict[str, Count | float]
    num_shards: Annotated[int, Field(gt=0, lt=2**31)]

    _accounting = field_validator("accounting")(_complete)


class SnapshotEntry(Metadata):
    """The version that a snapshot keeps in one place of sequences."""

    version: Hex16
    fingerprint: Hex64


class SnapshotNote(Metadata):
    """The contents of _snapshots/NAME.json, by bucket and seq_len."""

    buckets: dict[str, dict[Annotated[str, Field(pattern="^[0-9]+$")], SnapshotEntry]]


def read_metadata(path: str, model: type[Metadata]) -> dict[str, Any] | None:
    """Return the object in a file, in the shape of the model, or None if there is no such file.
    Raises InputError, which names file, place and remedy, if the file holds something else."""
    raw = access.read_bytes(path, _SMALL if model is Pointer else _LARGE)
    return None if raw is None else parse_metadata(raw, path, model)


def parse_metadata(raw: bytes, path: str, model: type[Metadata]) -> dict[str, Any]:
    """Return the object in bytes that were read from `path`, in the shape of the model. Raises
    InputError as read_metadata does."""
    value = parse_object(raw, path)
    try:
        model.model_validate(value)
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}; {model.remedy}") from None
    return value


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part)[:_SHOWN] for part in first["loc"])
    if first["type"] == "missing":
        return f"lacks {place}"
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{place}: {said}" if place else said
    return f"{place} {ascii(first['input'])[:_SHOWN]}: {said}"
