"""The JSON of an output, and how it is read. It is data from outside: whoever can write to OUTPUT
can change it, and disks flip bits.

A file is checked once, when it is read, and is a frozen value from then on. Keys that no field
names are allowed and kept, so that a newer build may write more. A value of another type, a path
that leads elsewhere, deep nesting, NaN or a file that is far too large gives an error of one line.
"""

import re
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.untrusted import parse_object

_SHOWN = 60  # characters of a wrong value

NAME = "^[A-Za-z0-9-][A-Za-z0-9._-]{0,199}$"
Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
VersionName: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Sha256: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def check_name(what: str, name: str) -> None:
    """Raise InputError if a snapshot or a mixture cannot have this name, which is that of its
    file."""
    if not re.fullmatch(NAME, name):
        raise InputError(
            f"{what} {name[:_SHOWN]!r}: use only letters, digits and ._-, at most 200, and do not "
            "begin with . or _"
        )


class Metadata(BaseModel):
    """A JSON object of ours, in a file of its own or as a part of one."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    remedy: ClassVar[str] = "put back the one that was written"
    largest: ClassVar[int] = 1 << 29  # bytes; a million input files take 150 MB of a manifest

    def as_json(self) -> dict[str, Any]:
        """Return the object as it is written: the keys that it was made of, and no others."""
        return dict(sorted(self.model_dump(exclude_unset=True).items()))


class Pointer(Metadata):
    """The contents of _current.json, which names the current version."""

    largest: ClassVar[int] = 1 << 20

    version: VersionName
    manifest: str
    manifest_sha256: Sha256

    @model_validator(mode="after")
    def _names_its_version(self) -> "Pointer":
        if self.manifest != f"{self.version}/_manifest.json":
            raise ValueError(f"manifest {self.manifest[:_SHOWN]!r} is not that of {self.version}")
        return self


Shape = TypeVar("Shape", bound=Metadata)


def read_metadata(path: str, model: type[Shape]) -> Shape | None:
    """Return what a file holds, or None if there is no such file. Raises InputError, which names
    file, place and remedy, if it holds something else."""
    raw = access.read_bytes(path, model.largest)
    return None if raw is None else parse_metadata(raw, path, model)


def parse_metadata(raw: bytes, path: str, model: type[Shape]) -> Shape:
    """Return what bytes hold that were read from `path`. Raises InputError as read_metadata
    does."""
    value = parse_object(raw, path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}; {model.remedy}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part)[:_SHOWN] for part in first["loc"])
    if first["type"] == "missing":
        return f"lacks {place}"
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{place}: {said}" if place else said
    return f"{place} {ascii(first['input'])[:_SHOWN]}: {said}"
