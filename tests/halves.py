"""Ids as token files of format 2 have them, made slowly."""

import hashlib
import struct
from collections.abc import Iterable
from typing import Any


def low(ids: Iterable[int]) -> bytes:
    """The low 16 bits of each."""
    return b"".join(struct.pack("<H", int(number) % 65536) for number in ids)


def high(ids: Iterable[int]) -> bytes:
    """What is above, in a byte each."""
    return bytes(int(number) // 65536 for number in ids)


def tokens_of(row: dict[str, Any]) -> bytes:
    """The ids of a row of a token file of any format, as int32."""
    if "tokens" in row:
        return bytes(row["tokens"])
    numbers = [first for (first,) in struct.iter_unpack("<H", row["low"])]
    above = row.get("high") or bytes(len(numbers))
    pairs = zip(numbers, above, strict=True)
    return b"".join(struct.pack("<i", number + 65536 * more) for number, more in pairs)


def ids_sha256(rows: list[dict[str, Any]]) -> str:
    """What the manifest says of the ids of these rows."""
    own = {
        name: hashlib.sha256(b"".join(row[name] for row in rows))
        for name in ("tokens", "low", "high")
        if name in rows[0]
    }
    if len(own) == 2:
        return hashlib.sha256(own["low"].digest() + own["high"].digest()).hexdigest()
    return next(iter(own.values())).hexdigest()
