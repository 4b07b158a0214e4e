"""A mixture as a stream of rows: OUTPUT/_mixtures/NAME.json, which `bfpack mix` has written, and
the older mixtures that it continues."""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bfpack_spark.core.mixed_rows import MixedRows, Part, SourceRows
from bfpack_spark.core.row_order import OrderRules
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.what_is_there import no_mixture
from bfpack_spark.reading.metadata import SHA256, VERSION, Reader
from bfpack_spark.reading.sources import Source, Stream, source_of_version

log = logging.getLogger("bfpack")

_NAME = re.compile(r"[A-Za-z0-9-][A-Za-z0-9._-]*")
_CHAIN_MAX = 1000  # mixtures that continue each other


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """The contents of a mixture's file, checked."""

    reader: Reader
    fingerprint: str
    buckets: dict[str, Reader]
    older: tuple[str, str, int] | None  # name, fingerprint, position


def open_mixture(output: str, name: str) -> Stream:
    """Return a mixture. Raises InputError if it, an older one that it continues, or one of its
    versions is not there, or is not what was mixed."""
    chain = _chain(output, name)
    newest = chain[-1]
    seq_len = newest.reader.count("seq_len")
    sources: dict[str, Source] = {}
    for facts in chain:
        for bucket, held in facts.buckets.items():
            _add_source(sources, output, seq_len, bucket, held)
    numbers = {bucket: number for number, bucket in enumerate(sources)}
    parts = [
        Part(
            begin=facts.older[2] if facts.older else 0,
            drawn={numbers[b]: held.count("rows_drawn") for b, held in facts.buckets.items()},
        )
        for facts in chain
    ]
    for bucket, held in newest.buckets.items():
        drawn, rows = held.count("rows_drawn"), held.count("rows")
        log.info("mixture %s: %s: %d rows, %.3f epochs", name, bucket, drawn, drawn / rows)
    seed = newest.reader.count("seed")
    return Stream(
        sources=list(sources.values()),
        fingerprint=newest.fingerprint,
        order=partial(_order, name, seed, list(sources.values()), parts),
        continues=newest.older[1:] if newest.older else None,
    )


def _order(
    name: str, seed: int, sources: Sequence[Source], parts: Sequence[Part], rules: OrderRules
) -> MixedRows:
    """Return the order of the rows. Raises InputError if the rules are none for a mixture."""
    if rules.epoch:
        raise InputError(
            f"epoch {rules.epoch}: a mixture has epoch 0, and its buckets have theirs; make a "
            "longer mixture with bfpack mix"
        )
    rows = [
        SourceRows(
            shard_rows=source.shard_rows,
            group_rows=source.group_rows,
            seed=_seed(rules.seed, seed, source.bucket),
        )
        for source in sources
    ]
    try:
        return MixedRows(rows, parts, rules)
    except ValueError as error:
        raise InputError(f"mixture {name}: {error}") from None


def _chain(output: str, name: str) -> list[_Facts]:
    """Return a mixture, and before it those that it continues, the oldest first."""
    chain = [_read(output, name)]
    while (older := chain[0].older) is not None:
        facts = _read(output, older[0])
        if facts.fingerprint != older[1]:
            raise chain[0].reader.wrong("continues", f"names another {older[0]} than is there")
        begin = facts.older[2] if facts.older else 0
        drawn = sum(held.count("rows_drawn") for held in facts.buckets.values())
        if not begin <= older[2] <= begin + drawn or len(chain) > _CHAIN_MAX:
            raise chain[0].reader.wrong("continues", f"names no position of {older[0]}")
        for key in ("seq_len", "seed", "tokenizer_sha256"):
            if facts.reader.value.get(key) != chain[0].reader.value.get(key):
                raise chain[0].reader.wrong(key, f"is not that of {older[0]}")
        chain.insert(0, facts)
    return chain


def _read(output: str, name: str) -> _Facts:
    path = f"{output.rstrip('/')}/_mixtures/{name}.json"
    value = access.read_json(path) if _NAME.fullmatch(name) else None
    if value is None:
        raise no_mixture(output, name)
    reader = Reader(value=value, path=path)
    if reader.text("name") != name or reader.count("format_version") != 1:
        raise reader.wrong("name", "is that of another mixture, or of a newer build")
    # As bfpack mix has it.
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    held = reader.part("buckets")
    buckets = {bucket: held.part(bucket) for bucket in held.value}
    if not buckets or not all(each.count("rows_drawn") for each in buckets.values()):
        raise reader.wrong("buckets", "has one without rows, or none")
    return _Facts(
        reader=reader,
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        buckets=buckets,
        older=None if value.get("continues") is None else _older(reader.part("continues")),
    )


def _older(held: Reader) -> tuple[str, str, int]:
    return held.text("mixture", _NAME), held.text("fingerprint", SHA256), held.count("position")


def _add_source(
    sources: dict[str, Source], output: str, seq_len: int, bucket: str, held: Reader
) -> None:
    version = held.text("version", VERSION)
    source = sources.get(bucket)
    if source is None:
        source = sources[bucket] = source_of_version(output, bucket, seq_len, version)
    facts = source.facts
    if (facts.fingerprint, facts.num_rows) != (held.text("fingerprint"), held.count("rows")):
        raise held.wrong("version", f"is another one than {source.directory} holds")


def _seed(*parts: int | str) -> int:
    """Return a seed of its own for each bucket."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little")
