"""Mixtures: which rows of several buckets a training run reads as one stream, and how many of each.

OUTPUT/_mixtures/NAME.json holds one. Weights are those of tokens, because rows are equal in tokens.
A mixture never changes, and prune keeps the versions that it names.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from bfpack_spark.core.mixture import ROWS_MAX, apportion
from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.what_is_there import no_mixture
from bfpack_spark.printable import counted
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest, TokensManifest
from bfpack_spark.versions.metadata import (
    NAME,
    Count,
    Metadata,
    Sha256,
    VersionName,
    read_metadata,
)
from bfpack_spark.versions.named_files import write_named
from bfpack_spark.versions.publication import Home

FOLDER = "_mixtures"

MixtureName: TypeAlias = Annotated[str, Field(pattern=NAME)]


class MixedBucket(Metadata):
    """A bucket in a mixture."""

    version: VersionName
    fingerprint: Sha256
    rows: Annotated[int, Field(gt=0, lt=2**63)]  # of the version
    rows_drawn: Annotated[int, Field(gt=0, lt=2**63)]
    weight: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]  # as it was given


class Continued(Metadata):
    """The older mixture whose rows come first, up to a position."""

    mixture: MixtureName
    fingerprint: Sha256
    position: Count


class Mixture(Metadata):
    """Buckets with weights, as one stream. If it continues another one, its own rows come behind
    those of the other, and it goes on with each bucket where the other was."""

    largest: ClassVar[int] = 1 << 24

    format_version: Literal[1]
    name: MixtureName
    seq_len: Annotated[int, Field(gt=0, lt=2**31)]
    tokenizer_sha256: Sha256
    seed: Count
    buckets: Annotated[dict[str, MixedBucket], Field(min_length=1)]
    continues: Continued | None = None

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of the canonical JSON of all of it."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def num_rows(self) -> int:
        """Return the length of the stream, with the rows of what it continues."""
        before = self.continues.position if self.continues else 0
        return before + sum(bucket.rows_drawn for bucket in self.buckets.values())

    def version_in(self, home: Home) -> str | None:
        """Return the version that the mixture keeps in a home, if it keeps one."""
        bucket = self.buckets.get(home.bucket)
        return bucket.version if bucket and home.seq_len == self.seq_len else None

    def entries(self, output: str) -> Iterator[tuple[Home, MixedBucket]]:
        """Yield what the mixture keeps, by home."""
        for bucket, entry in self.buckets.items():
            yield Home(output=output, bucket=bucket, seq_len=self.seq_len), entry


@dataclass(frozen=True, kw_only=True)
class MixtureRequest:
    """What a user asks for."""

    seq_len: int
    weights: Mapping[str, str]  # of each bucket, a decimal number above 0
    tokens: int | None = None  # of the stream
    epochs: tuple[str, Fraction] | None = None  # of one bucket, which decides the length
    seed: int | None = None  # None: that of the mixture that is continued, or 0
    continues: tuple[str, int] | None = None  # an older mixture, and a position in it


def plan_mixture(output: str, name: str, request: MixtureRequest) -> Mixture:
    """Return the mixture that is asked for, of the current versions, or of those of the mixture
    that it continues.

    Without tokens and epochs, the bucket that ends first is drawn once. Raises InputError if a
    bucket is not published, if a weight draws no row, or if the tokenizers differ.
    """
    older = continues = None
    if request.continues is not None:
        name_of_older, position = request.continues
        older = _older(output, name_of_older, position, request.seq_len)
        continues = Continued(
            mixture=name_of_older, fingerprint=older.fingerprint, position=position
        )
    homes = [Home(output=output, bucket=b, seq_len=request.seq_len) for b in request.weights]
    manifests = {
        home.bucket: publication.current_sequences(home, older.version_in(home) if older else None)[
            1
        ]
        for home in homes
    }
    rows = {bucket: manifest.totals.sequences for bucket, manifest in manifests.items()}
    drawn = _drawn(rows, request)
    return Mixture(
        format_version=1,
        name=name,
        seq_len=request.seq_len,
        tokenizer_sha256=_tokenizer(output, manifests, older),
        seed=_seed(request, older),
        buckets={
            bucket: MixedBucket(
                version=manifest.version,
                fingerprint=manifest.fingerprint,
                rows=rows[bucket],
                rows_drawn=drawn[bucket],
                weight=request.weights[bucket],
            )
            for bucket, manifest in manifests.items()
        },
        continues=continues,
    )


def write_mixture(output: str, mixture: Mixture) -> str:
    """Write a mixture and return its path. If this same mixture is there already, nothing is
    written. Raises InputError if another mixture has the name."""
    name = mixture.name
    return write_named(output, f"{FOLDER}/{name}.json", mixture, f"mixture {name}")


def read_mixture(output: str, name: str) -> Mixture:
    """Return the mixture of this name. Raises InputError if there is none."""
    mixture = read_metadata(_path(output, name), Mixture)
    if mixture is None:
        raise no_mixture(output, name)
    if mixture.name != name:
        raise InputError(f"{_path(output, name)}: is that of {mixture.name}; put back its own")
    return mixture


def read_mixtures(output: str) -> dict[str, Mixture]:
    """Return all mixtures, by name. Raises InputError if one cannot be read, because nobody would
    know what it keeps."""
    files = own_files.files_below(output, FOLDER)
    names = [file.removesuffix(".json") for file in files if file.endswith(".json")]
    return {name: read_mixture(output, name) for name in names}


def _path(output: str, name: str) -> str:
    return f"{output.rstrip('/')}/{FOLDER}/{name}.json"


def _older(output: str, name: str, position: int, seq_len: int) -> Mixture:
    older = read_mixture(output, name)
    if older.seq_len != seq_len:
        raise InputError(f"--seq-len {seq_len}: mixture {name} has {older.seq_len}; take the same")
    begin = older.continues.position if older.continues else 0
    if not begin <= position <= older.num_rows:
        raise InputError(
            f"--continues {name}@{position}: give a position of {begin} to {older.num_rows}"
        )
    return older


def _seed(request: MixtureRequest, older: Mixture | None) -> int:
    if older is None:
        return request.seed or 0
    if request.seed not in (None, older.seed):
        raise InputError(
            f"--seed {request.seed}: mixture {older.name} has {older.seed}, which decides the "
            "order of the rows; leave the option out"
        )
    return older.seed


def _tokenizer(
    output: str, manifests: Mapping[str, SequencesManifest], older: Mixture | None
) -> str:
    """Return the sha256 of the tokenizer of all buckets."""
    found = {} if older is None else {older.tokenizer_sha256: f"mixture {older.name}"}
    for bucket, manifest in manifests.items():
        home = Home(output=output, bucket=bucket)
        tokens = publication.current(home, manifest.tokens_version)[1]
        assert isinstance(tokens, TokensManifest), f"{home.directory} holds token stores"
        found.setdefault(tokens.inputs.tokenizer_sha256, f"bucket {bucket}")
    if len(found) > 1:
        first, second, *_ = found.values()
        raise InputError(
            f"{second}: has another tokenizer than {first}; pack both with the same one"
        )
    return next(iter(found))


def _drawn(rows: Mapping[str, int], request: MixtureRequest) -> dict[str, int]:
    """Return how many rows are drawn of each bucket."""
    weights = {bucket: Fraction(weight) for bucket, weight in request.weights.items()}
    if request.tokens is not None:
        total = request.tokens // request.seq_len
        drawn = dict(zip(weights, apportion(total, list(weights.values())), strict=True))
    else:
        first = min(weights, key=lambda bucket: (rows[bucket] / weights[bucket], bucket))
        bucket, epochs = request.epochs or (first, Fraction(1))
        drawn = _by_epochs(weights, bucket, int(rows[bucket] * epochs))
    total = sum(drawn.values())
    if total > ROWS_MAX:
        raise InputError(
            f"the mixture would have {total:,} rows, and readers take at most {ROWS_MAX:,}; make "
            "it shorter"
        )
    for bucket, number in drawn.items():
        if not number:
            raise InputError(
                f"--weight {bucket}={request.weights[bucket]}: draws none of "
                f"{counted(total, 'row')}; raise it, or make the mixture longer"
            )
    return drawn


def _by_epochs(weights: dict[str, Fraction], bucket: str, rows: int) -> dict[str, int]:
    """Return the rows of each bucket, if `bucket` has so many."""
    others = {name: weight for name, weight in weights.items() if name != bucket}
    total = round(rows * sum(others.values()) / weights[bucket])
    parts = apportion(total, list(others.values())) if others else []
    drawn = {**dict(zip(others, parts, strict=True)), bucket: rows}
    return {name: drawn[name] for name in weights}
