"""Which files the corpus is, and how they are split among tasks."""

import hashlib
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.fs as pafs

from bfpack_spark.corpus.endings import codec_of, format_of
from bfpack_spark.corpus.formats import Told, guess_format, told_by_bytes, why_not
from bfpack_spark.corpus.globs import find_files
from bfpack_spark.corpus.listing import Listed
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import divide
from bfpack_spark.files.object_store import etags_below

log = logging.getLogger("bfpack")

_TASK_BYTES = 1 << 22  # a task grows by the root of the corpus: see split_inventory


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

    @property
    def num_deleted(self) -> int:
        """Rows of it that are deleted."""
        return len(self.deleted) // 8

    def for_fingerprint(self) -> list[str | int]:
        """Name, size, ETag or else modification time; where rows are deleted, their hash."""
        hashed = [hashlib.sha256(self.deleted).hexdigest()[:16]] if self.deleted else []
        return [self.name, self.size, self.etag or self.modified, *hashed]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A visible file of the input that is not read."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The corpus as files, in order of name, all of one format (parquet, jsonl, text or delta)."""

    format: str
    files: tuple[InputFile, ...]
    # Of a Delta table: its columns but those of partitions, and what its files call them.
    columns: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()  # it decides nothing, so no fingerprint knows of it

    @property
    def num_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def whole_files(self) -> list["Split"]:
        """Each file as one range. (A Delta table's log has times of its own, not those of the
        files.)"""
        splits = map(whole_file, self.files)
        return [replace(s, modified=None) if self.format == "delta" else s for s in splits]

    def for_fingerprint(self) -> list[list[str | int]]:
        """What tells each file from another of its name."""
        return [file.for_fingerprint() for file in self.files]


@dataclass(frozen=True, kw_only=True)
class Split:
    """A range of bytes of one file, for one task: all that begins in it (JSONL: lines; Parquet: row
    groups that stand for a byte in it; text: the file). What the inventory saw of the file goes
    with it."""

    task: int
    name: str
    path: str
    start: int
    end: int
    size: int  # bytes of the whole file
    modified: int | None = None  # ns; None: not told
    etag: str | None = None  # of an object
    deleted: bytes = field(default=b"", repr=False)  # rows of the file that are passed over
    magic: str | None = None  # the codec that its first bytes tell, where its name has no ending

    @property
    def codec(self) -> str | None:
        """How the file is compressed (gzip, zstd, bz2, xz); None if it is not."""
        return self.magic or codec_of(self.name)


def take_inventory(patterns: str | Sequence[str], input_format: str | None) -> Inventory:
    """The files of directories, globs or files, each named relative to its own input.

    Hidden are names that begin with a dot and, but for text, what lies in or is itself a name with
    an underscore in front (bookkeeping: _SUCCESS, _temporary). All else is read, or named as left
    out. InputError for what no reader could read (broken links, FIFOs, links in a circle, 0 bytes
    that should be compressed ones), and for two files of one name. A file that several ways lead to
    is read once.
    """
    inputs = [patterns] if isinstance(patterns, str) else list(dict.fromkeys(patterns))
    taken = [_take(pattern, input_format) for pattern in inputs]
    formats = sorted({own.format for own in taken})
    if len(formats) > 1:
        raise InputError(
            f"--input {', '.join(inputs)}: {', '.join(formats)}; inputs must be of one format"
        )
    chosen, twice = _each_once(taken)
    left_out = (*(left for own in taken for left in own.left_out), *twice)
    _say_left_out(left_out)
    return Inventory(format=formats[0], files=tuple(chosen), left_out=left_out)


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What one input gives."""

    pattern: str
    format: str
    listed: list[Listed]
    files: list[InputFile]  # parallel to these
    left_out: list[LeftOut]


def _take(pattern: str, input_format: str | None) -> _Taken:
    found = find_files(pattern)
    if input_format is None and any("_delta_log" in f.name.split("/") for f in found):
        raise InputError(
            f"--input {pattern}: holds a Delta table; say --input-format delta (parquet reads "
            "every file there, removed ones too)"
        )
    visible = [f for f in found if not _hidden(f.name, ".")]
    data = [f for f in visible if not _hidden(f.name, "_")]
    _check_faults(pattern, visible if input_format == "text" else data)
    told = {} if input_format == "text" else told_by_bytes(data)
    chosen = input_format or guess_format(pattern, [f.name for f in data], told)
    candidates = visible if chosen == "text" else data
    _check_faults(pattern, candidates)
    read = candidates
    if chosen != "text" and len(visible) > 1:
        # One that stands alone may have any ending, once its format is told.
        read = [f for f in candidates if _is_of(chosen, f, told, guessed=input_format is None)]
    if not read:
        raise InputError(f"--input {pattern}: no {chosen} files there; check path and input_format")
    names = {f.name for f in read}
    left_out = [f.name for f in candidates if f.name not in names]
    taken = [_input_file(f, told.get(f.name)) for f in read]
    if chosen == "jsonl":
        _check_compressed(pattern, taken)
    return _Taken(
        pattern=pattern,
        format=chosen,
        listed=read,
        files=_with_etags(taken),
        left_out=[LeftOut(name=name, reason=why_not(name, told)) for name in left_out],
    )


def _is_of(chosen: str, listed: Listed, told: dict[str, Told], *, guessed: bool) -> bool:
    """Is a file of the format? Where the format was said and no names there have an ending, all
    are."""
    if listed.name not in told:
        return format_of(listed.name) == chosen
    return told[listed.name][0] == chosen or not guessed


def _check_faults(pattern: str, found: Iterable[Listed]) -> None:
    for listed in found:
        if listed.fault is not None:
            raise InputError(f"--input {pattern}: {listed.name} {listed.fault}; mend or remove it")


def _check_compressed(pattern: str, found: Iterable[InputFile]) -> None:
    for file in found:
        if file.codec is not None and not file.size:
            raise InputError(
                f"--input {pattern}: {file.name} is empty, and 0 bytes are no {file.codec} file; "
                "mend or remove it"
            )


def _each_once(taken: Sequence[_Taken]) -> tuple[list[InputFile], list[LeftOut]]:
    """The files of all inputs in order of name, and what is one of them by another name. InputError
    if two files have one name."""
    every = [
        (listed.links, file.name, file.path, listed.identity, file, own.pattern)
        for own in taken
        for listed, file in zip(own.listed, own.files, strict=True)
    ]
    by_identity: dict[tuple[str | int, ...], str] = {}
    by_name: dict[str, tuple[InputFile, str]] = {}
    twice = []
    for _, name, _, identity, file, pattern in sorted(every, key=lambda e: e[:3]):
        if identity in by_identity:
            if by_identity[identity] != name:
                reason = f"the same file as {by_identity[identity]}"
                twice.append(LeftOut(name=name, reason=reason))
            continue
        if name in by_name:
            raise _of_one_name(name, (by_name[name][1], pattern))
        by_identity[identity] = name
        by_name[name] = (file, pattern)
    return [by_name[name][0] for name in sorted(by_name)], twice


def _of_one_name(name: str, patterns: tuple[str, str]) -> InputError:
    folders = [access.absolute(pattern).split("/") for pattern in patterns]
    parent = "/".join(os.path.commonprefix(folders))  # noqa: RUF071  # of lists of parts
    remedy = f"name their parent, --input {parent}" if len(parent) > 1 else "rename one of them"
    return InputError(
        f"--input {patterns[0]} and --input {patterns[1]}: both have {name}, so ids would not tell "
        f"their documents apart; {remedy}"
    )


def _say_left_out(left_out: Sequence[LeftOut]) -> None:
    if left_out:
        named = ", ".join(f"{left.name} ({left.reason})" for left in left_out[:5])
        more = f" and {len(left_out) - 5:,} more" if len(left_out) > 5 else ""
        said = "input: visible and left out: %s file(s): %s%s"
        log.warning(said, f"{len(left_out):,}", named, more)


def check_apart(patterns: str | Sequence[str], inventory: Inventory, output: str) -> None:
    """InputError if the output lies in the input: the next run would read what this one wrote."""
    fs, own = _resolved(output)
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        input_fs, root = _resolved(pattern)
        inside = fs.equals(input_fs) and f"{own}/".startswith(f"{root.rstrip('/')}/")
        if inside or any(access.locate(f.path)[1].startswith(f"{own}/") for f in inventory.files):
            raise InputError(f"--output {output}: lies in --input {pattern}; name one outside it")


def _resolved(path: str) -> tuple[pafs.FileSystem, str]:
    """The file system of an address and the path in it, its links resolved."""
    fs, inner = access.locate(path)
    return fs, str(Path(inner).resolve()) if divide(path).is_local else inner


def split_inventory(inventory: Inventory) -> list[Split]:
    """Ranges of at most 64 MB, small files side by side in one task. Compressed JSONL and text
    files are not split. Token files follow the tasks, so a task is worth one of them; and so that
    every run of an inventory writes the same files, whoever runs it, the tasks follow from the
    inventory alone. Their number and their size grow together: 10 MB are 2 tasks, 100 MB are 5
    of 20 MB, and from 1 GB on they are of 64 MB. (150 MB in 14 tasks instead of 3 cost a tenth of
    CPU more on two cores, in all stages.)"""
    target = min(max(math.isqrt(inventory.num_bytes * _TASK_BYTES), 1 << 20), 64 << 20)
    splits: list[Split] = []
    task, filled = 0, 0
    for file, whole in zip(inventory.files, inventory.whole_files(), strict=True):
        for start, end in _ranges(inventory.format, file, target):
            if filled and filled + end - start > target:
                task, filled = task + 1, 0
            splits.append(replace(whole, task=task, start=start, end=end))
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
        size=file.size,
        modified=file.modified or None,
        etag=file.etag,
        deleted=file.deleted,
        magic=file.magic,
    )


def _ranges(input_format: str, file: InputFile, target: int) -> Iterable[tuple[int, int]]:
    whole = input_format == "text" or file.codec is not None
    step = max(file.size, 1) if whole else target
    for start in range(0, max(file.size, 1), step):
        yield start, min(start + step, max(file.size, 1))


def _with_etags(found: list[InputFile]) -> list[InputFile]:
    """An object that is put anew with the same bytes is the same to us, whatever its time."""
    paths = [file.path for file in found]
    root = os.path.commonprefix(paths).rpartition("/")[0]  # noqa: RUF071  # keeps an address's //
    if divide(root).is_local or not access.is_object_store(access.locate(root)[0]):
        return found
    tags = etags_below(root)
    return [replace(file, etag=tags.get(divide(file.path).key)) for file in found]


def _input_file(listed: Listed, told: Told | None) -> InputFile:
    return InputFile(
        name=listed.name,
        path=listed.path,
        size=listed.size,
        modified=listed.modified,
        magic=told[1] if told else None,
    )


def _hidden(name: str, mark: str) -> bool:
    return any(part.startswith(mark) for part in name.split("/"))
