"""The format of a corpus, by the endings of its files' names or, if they have none, by the first
bytes of the files."""

import re
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from bfpack_spark.corpus.listing import Listed
from bfpack_spark.errors import InputError
from bfpack_spark.files import access

# Endings count in upper and lower case: `D.JSONL.GZ` is the same as `d.jsonl.gz`.
_CODECS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".xz": "xz"}
_ENDINGS = {
    "parquet": (".parquet", ".parq", ".pq"),
    "jsonl": tuple(e + c for e in (".jsonl", ".ndjson", ".json") for c in ("", *_CODECS)),
    "text": (".txt", ".md", ".text"),
}

Told = tuple[str | None, str | None]  # format and codec

_MAGIC = {
    b"PAR1": ("parquet", None),
    b"\x1f\x8b": ("jsonl", "gzip"),
    b"\x28\xb5\x2f\xfd": ("jsonl", "zstd"),
    b"BZh": ("jsonl", "bz2"),
    b"\xfd7zXZ\x00": ("jsonl", "xz"),
}
_READERS = 16
_NAMED = 3  # files of a format that an error names
_ENDING = re.compile(r"[^.].*\.[A-Za-z]\w*", re.DOTALL)  # a number is no ending: "2024.01.01"
# Names of texts that tell about the files beside them.
_ABOUT = re.compile(r"(.*\.md|(readme|license|licence|notice|changelog)\.\w+)", re.IGNORECASE)


def format_of(name: str) -> str | None:
    """Return the format that a file's name tells (parquet, jsonl, text), or None."""
    lowered = name.lower()
    return next((known for known, ends in _ENDINGS.items() if lowered.endswith(ends)), None)


def codec_of(name: str) -> str | None:
    """Return how a file of this name is compressed (gzip, zstd, bz2, xz), or None if it is not."""
    lowered = name.lower()
    return next((codec for ending, codec in _CODECS.items() if lowered.endswith(ending)), None)


def told_by_bytes(files: Iterable[Listed]) -> dict[str, Told]:
    """Return what the first bytes say about the files in folders where no name has an ending. The
    keys are names; the values are the format (None: unknown) and the codec."""
    folders: dict[str, list[Listed]] = defaultdict(list)
    for file in files:
        folders[file.name.rpartition("/")[0]].append(file)
    unknown = [
        file
        for folder in folders.values()
        if not any(_ENDING.fullmatch(f.name.rpartition("/")[2]) for f in folder)
        for file in folder
    ]
    if not unknown:
        return {}
    with ThreadPoolExecutor(_READERS) as readers:
        firsts = readers.map(_first_bytes, (file.path for file in unknown))
        return {f.name: _by_bytes(first) for f, first in zip(unknown, firsts, strict=True)}


def guess_format(pattern: str, names: Iterable[str], told: dict[str, Told]) -> str:
    """Return the one format of the files of these names. A text that tells about the other files (a
    README, a license) does not count. Raises InputError if there are several formats, or none."""
    by_name = {name: format_of(name) or told.get(name, (None, None))[0] for name in names}
    formats = {known for known in by_name.values() if known is not None}
    texts = [name for name, known in by_name.items() if known == "text"]
    if len(formats) == 2 and all(map(_tells_about_others, texts)):
        formats -= {"text"} if texts else set()
    if not formats:
        raise InputError(
            f"--input {pattern}: no file has a known ending; say what they are by --input-format "
            "parquet|jsonl|text"
        )
    if len(formats) > 1:
        raise _of_several_formats(pattern, by_name)
    return formats.pop()


def _tells_about_others(name: str) -> bool:
    return _ABOUT.fullmatch(PurePosixPath(name).name) is not None


def _of_several_formats(pattern: str, by_name: dict[str, str | None]) -> InputError:
    """Return the error that names the first files of each format."""
    each: dict[str, list[str]] = {}
    for name, known in sorted(by_name.items()):
        if known is not None and not _tells_about_others(name):
            each.setdefault(known, []).append(name)
    listed = ", ".join(f"{known} ({_first(names)})" for known, names in sorted(each.items()))
    return InputError(
        f"--input {pattern}: holds files of several formats: {listed}; read those of one by "
        f"--input-format {'|'.join(sorted(each))}, or take the others out"
    )


def _first(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *["..."] * (len(names) > _NAMED)])


def why_not(name: str, told: dict[str, Told]) -> str:
    """Return why a file is not among those of the chosen format."""
    known = format_of(name)
    if known is not None:
        return f"{known} by its ending"
    return "no ending, and its first bytes tell no format" if name in told else "no known ending"


def _first_bytes(path: str) -> bytes:
    with access.open_binary(path) as stream:
        return stream.read(64)


def _by_bytes(first: bytes) -> Told:
    for magic, told in _MAGIC.items():
        if first.startswith(magic):
            return told
    said = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    return ("jsonl" if said.startswith((b"{", b"[")) else None, None)
