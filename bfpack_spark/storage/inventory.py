"""Which files the corpus is, and how they are split among tasks."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import pyarrow.fs as pafs

from bfpack_spark.addresses import divide, start_and_key
from bfpack_spark.errors import InputError
from bfpack_spark.storage import files
from bfpack_spark.storage.endings import codec_of, format_of
from bfpack_spark.storage.object_store import etags_below

_WILDCARD = re.compile(r"[*?\[]")
_GLOB = {"*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A file of the corpus; name is relative to the input's root, so ids do not tell where it
    lies."""

    name: str
    path: str
    size: int  # bytes
    modified: int  # ns
    etag: str | None = None  # of an object
    # Of a Delta table: the numbers of deleted rows, ascending, int64; the partition it lies in.
    deleted: bytes = field(default=b"", repr=False)
    partition: Mapping[str, str | None] = field(default_factory=dict)
    magic: str | None = None  # the codec that its first bytes tell, where its name has no ending

    @property
    def codec(self) -> str | None:
        """How it is compressed (gzip, zstd, bz2, xz); None if it is not."""
        return self.magic or codec_of(self.name)

    def for_fingerprint(self) -> list[str | int]:
        """Name, size, ETag or else modification time; where rows are deleted, their hash."""
        hashed = [hashlib.sha256(self.deleted).hexdigest()[:16]] if self.deleted else []
        return [self.name, self.size, self.etag or self.modified, *hashed]


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The corpus as files, in order of name, all of one format (parquet, jsonl, text or delta)."""

    format: str
    files: tuple[InputFile, ...]
    # Of a Delta table: its columns but those of partitions, and what its files call them.
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def for_fingerprint(self) -> list[list[str | int]]:
        """What tells each file from another of its name."""
        return [file.for_fingerprint() for file in self.files]


@dataclass(frozen=True, kw_only=True)
class Split:
    """A range of bytes of one file, for one task: all that begins in it (JSONL: lines; Parquet: row
    groups whose middle lies in it; text: the file)."""

    task: int
    name: str
    path: str
    start: int
    end: int
    deleted: bytes = field(default=b"", repr=False)  # rows of the file that are passed over
    magic: str | None = None  # the codec that its first bytes tell, where its name has no ending

    @property
    def codec(self) -> str | None:
        """How the file is compressed (gzip, zstd, bz2, xz); None if it is not."""
        return self.magic or codec_of(self.name)


def take_inventory(pattern: str, input_format: str | None) -> Inventory:
    """The files of a directory, glob or file. Names beginning with a dot are passed over, and
    in directories of Parquet or JSONL so are those beginning with an underscore (bookkeeping)."""
    found = _find(pattern)
    if input_format is None and any("_delta_log" in f.name.split("/") for f in found):
        raise InputError(
            f"--input {pattern}: holds a Delta table; say --input-format delta (parquet reads "
            "every file there, removed ones too)"
        )
    visible = [f for f in found if not _hidden(f.name, ".")]
    chosen = input_format or _guess_format(pattern, visible)
    if chosen != "text":
        visible = [f for f in visible if not _hidden(f.name, "_")]
        if len(found) > 1:  # one that stands alone may have any ending, once its format is told
            visible = [f for f in visible if format_of(f.name) == chosen]
    if not visible:
        raise InputError(f"--input {pattern}: no {chosen} files there; check path and input_format")
    return Inventory(format=chosen, files=tuple(_with_etags(visible)))


def check_apart(pattern: str, inventory: Inventory, output: str) -> None:
    """InputError if the output lies in the input: the next run would read what this one wrote."""
    fs, own = files.locate(output)
    input_fs, root = files.locate(pattern)
    inside = fs.equals(input_fs) and f"{own}/".startswith(f"{root.rstrip('/')}/")
    if inside or any(files.locate(f.path)[1].startswith(f"{own}/") for f in inventory.files):
        raise InputError(f"--output {output}: lies in --input {pattern}; name one outside it")


def split_inventory(inventory: Inventory, parallelism: int) -> list[Split]:
    """Ranges of at most 64 MB, small files side by side in one task. Compressed JSONL and text
    files are not split. Token files follow the tasks, so a task is worth one of them."""
    target = min(max(inventory.num_bytes // (2 * parallelism), 1 << 20), 64 << 20)
    splits: list[Split] = []
    task, filled = 0, 0
    for file in inventory.files:
        for start, end in _ranges(inventory.format, file, target):
            if filled and filled + end - start > target:
                task, filled = task + 1, 0
            splits.append(replace(whole_file(file), task=task, start=start, end=end))
            filled += end - start
    return splits


def whole_file(file: InputFile) -> Split:
    """All of a file as one range."""
    return Split(
        task=0,
        name=file.name,
        path=file.path,
        start=0,
        end=file.size,
        deleted=file.deleted,
        magic=file.magic,
    )


def _ranges(input_format: str, file: InputFile, target: int) -> Iterable[tuple[int, int]]:
    whole = input_format == "text" or file.codec is not None
    step = max(file.size, 1) if whole else target
    for start in range(0, max(file.size, 1), step):
        yield start, min(start + step, max(file.size, 1))


def _find(pattern: str) -> list[InputFile]:
    if _WILDCARD.search(start_and_key(pattern)[1]) and not files.exists(pattern):
        return _find_by_glob(pattern)
    fs, path = files.locate(pattern)
    info = fs.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        raise InputError(f"--input {pattern}: no such file or directory; check the path")
    if info.type == pafs.FileType.File:
        parent = files.absolute(pattern).rpartition("/")[0]
        return [_input_file(info, str(PurePosixPath(path).parent), parent)]
    return [_input_file(i, path, files.absolute(pattern)) for i in files.list_files(pattern)]


def _with_etags(found: list[InputFile]) -> Iterable[InputFile]:
    """An object that is put anew with the same bytes is the same to us, whatever its time."""
    paths = [file.path for file in found]
    root = os.path.commonprefix(paths).rpartition("/")[0]  # noqa: RUF071  # keeps an address's //
    if divide(root).is_local or not files.is_object_store(files.locate(root)[0]):
        return found
    tags = etags_below(root)
    keys = [divide(path).key for path in paths]
    return [replace(f, etag=tags.get(key)) for f, key in zip(found, keys, strict=True)]


def _find_by_glob(pattern: str) -> list[InputFile]:
    """`*` and `?` stay within a directory, `**` crosses them; names are relative to the part
    without wildcards. A directory that matches stands for its files."""
    found = [file for file, _ in match_files(pattern, pattern, {}, "(/.*)?$")]
    if not found:
        raise InputError(f"--input {pattern}: matches no file; check the pattern")
    return found


def match_files(
    pattern: str, glob: str, translated: dict[str, str], end: str
) -> list[tuple[InputFile, re.Match[str]]]:
    """Files whose names match the pattern's translation. `glob` is the pattern with a wildcard
    wherever it is not plain; `translated` says what escaped pieces mean as regular expressions
    (a named group is repeated by its name), `end` what may follow."""
    start, key = start_and_key(pattern.removeprefix("./"))
    glob = start_and_key(glob.removeprefix("./"))[1]
    folder = _WILDCARD.split(glob, maxsplit=1)[0].rpartition("/")[0]
    rest = key[len(folder) :].lstrip("/")
    root = start + folder if folder or start else "/" if key.startswith("/") else "."
    base = files.locate(root)[1]
    expression = _translate(rest)
    for piece, meaning in translated.items():
        expression = expression.replace(piece, meaning, 1)
        expression = expression.replace(piece, re.sub(r"\(\?P<(\w+)>.*\)", r"(?P=\1)", meaning))
    try:
        wanted = re.compile(expression + end)
    except re.error as error:
        raise InputError(f"--input {pattern}: not a pattern ({error}); mend it") from None
    above = files.absolute(root)
    every = (_input_file(info, base, above) for info in files.list_files(root))
    return [(file, match) for file in every if (match := wanted.match(file.name))]


def _translate(pattern: str) -> str:
    """`a/**/b?.txt` -> a regular expression on names."""
    parts = []
    for part in pattern.split("/"):
        pieces = re.split(r"([*?]|\[[^\]]+\])", part)
        parts.append("".join(map(_translate_piece, pieces)))
    return "/".join(parts).replace("[^/]*[^/]*/", "(?:[^/]+/)*")


def _translate_piece(piece: str) -> str:
    if piece.startswith("[") and piece.endswith("]"):
        return "[^" + piece[2:] if piece[1] in "!^" else piece
    return _GLOB.get(piece, re.escape(piece))


def _input_file(info: pafs.FileInfo, base: str, root: str) -> InputFile:
    """`base` is the path of the address `root` in its file system."""
    name = str(PurePosixPath(info.path).relative_to(base))
    path = f"{root.rstrip('/')}/{name}"
    return InputFile(name=name, path=path, size=info.size, modified=info.mtime_ns or 0)


def _hidden(name: str, mark: str) -> bool:
    return any(part.startswith(mark) for part in name.split("/"))


def _guess_format(pattern: str, found: list[InputFile]) -> str:
    names = [f.name for f in found if not _hidden(f.name, "_")]
    formats = {known for known in map(format_of, names) if known is not None}
    if len(formats) != 1:
        seen = ", ".join(sorted(formats)) or "files of no known ending"
        raise InputError(
            f"--input {pattern}: {seen}; say which with --input-format parquet|jsonl|text"
        )
    return formats.pop()
