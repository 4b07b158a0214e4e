"""Names of buckets, and of their folders in OUTPUT.

    "web" -> web          "C++" -> C~2B~2B          "a/b" -> a~2Fb          "_x" -> ~5Fx

Letters, digits and ._- stand for themselves, except a dot or underscore at the beginning, which
would hide the folder from readers. Every other character is written byte by byte (UTF-8): ~ and two
hex digits for each byte. So no two buckets share a folder, and the name of a folder tells the
bucket. The mark is ~, because no reader takes it for an escape of its own, as Spark and Hive take
%.
"""

import re

_NOT_PLAIN = re.compile(r"^[._]|[^A-Za-z0-9._-]")
_ESCAPE = re.compile(rb"~([0-9A-F]{2})")
_FOLDER_BYTES_MAX = 240  # of the 255 that file systems take, so that a suffix still fits


def check_bucket(name: str) -> None:
    """Raise ValueError, which names the value and the remedy, if a bucket cannot have this name."""
    try:
        folder = folder_of(name)
    except UnicodeEncodeError:
        raise ValueError(f"{name!r}; its bytes are not UTF-8, give it another name") from None
    if not name:
        raise ValueError("''; a bucket needs a name of at least one character")
    if len(folder) > _FOLDER_BYTES_MAX:
        raise ValueError(
            f"{name[:40]!r}...; its folder's name would have {len(folder)} characters, and at most "
            f"{_FOLDER_BYTES_MAX} fit; give it a shorter name"
        )


def folder_of(name: str) -> str:
    """Return the name of a bucket's folder: "C++" -> "C~2B~2B"."""
    return _NOT_PLAIN.sub(lambda c: "".join(f"~{byte:02X}" for byte in c[0].encode()), name)


def bucket_of(folder: str) -> str | None:
    """Return the bucket whose folder has this name: "C~2B~2B" -> "C++". It is None if no bucket has
    such a folder."""
    raw = folder.encode("utf-8", errors="surrogateescape")
    try:
        name = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw).decode()
    except UnicodeDecodeError:
        return None
    return name if name and folder_of(name) == folder else None
