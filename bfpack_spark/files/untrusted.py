"""Reading what others may have written: a pipe that nobody writes to never answers, a file may be
larger than memory, and JSON may be nested to any depth."""

import json
import os
import re
import stat
from typing import Any, NoReturn

from bfpack_spark.errors import InputError

_DEPTH_MAX = 32
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # alone it is no character, and cannot be printed


def read_regular(path: str, limit: int) -> bytes:
    """Return the bytes of a regular file. Raises InputError if it is something else, or has more
    than `limit` bytes, and OSError as `open` raises it."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        check_regular(path, os.fstat(stream.fileno()).st_mode)
        raw = stream.read(limit + 1)
    return check_size(path, raw, limit)


def check_regular(path: str, mode: int) -> None:
    """Raise InputError if this st_mode is that of a directory, a pipe, a socket or a device."""
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is no regular file; put a file there, or name another")


def check_size(path: str, raw: bytes, limit: int) -> bytes:
    """Return the same bytes. Raises InputError if there are more than `limit`."""
    if len(raw) > limit:
        raise InputError(f"{path}: larger than {limit:,} bytes; put back the one that was written")
    return raw


def parse_object(raw: bytes, path: str) -> dict[str, Any]:
    """Return the JSON object in these bytes. Raises InputError if they hold something else, or if
    it is nested deeper than 32."""
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse)
        if _SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); repair or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds no JSON object; repair or remove it")
    check_depth(value, path)
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def check_depth(value: Any, path: str) -> None:
    """Raise InputError if lists and tables are nested deeper than 32."""
    if _is_deeper(value, _DEPTH_MAX):
        raise InputError(f"{path}: nested deeper than {_DEPTH_MAX}; repair or remove it")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return not levels or any(_is_deeper(item, levels - 1) for item in value)
