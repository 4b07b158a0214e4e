"""Finding the files of an input: those that are read, that have two names, or are left out."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.fs as pafs

from bfpack_spark.corpus.formats import Told, format_of, guess_format, told_by_bytes, why_not
from bfpack_spark.corpus.globs import expand, find_files, takes_in
from bfpack_spark.corpus.inventory import InputFile, Inventory, LeftOut
from bfpack_spark.corpus.listing import Listed
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import divide
from bfpack_spark.files.object_store import look_below
from bfpack_spark.logs import log
from bfpack_spark.printable import counted

_BOOKKEEPING = {"_temporary", "_delta_log", "_spark_metadata"}
UNDERSCORE = "its name or folder begins with an underscore"


def take_inventory(patterns: str | Sequence[str], input_format: str | None) -> Inventory:
    """Return the files of directories, globs or files, each named relative to its own input.

    Names that begin with a dot are hidden. Except for text, names that begin with an underscore are
    hidden too, with all below them (bookkeeping: _SUCCESS, _temporary), unless the input names
    them; those that look like data are named as left out. All else is read, or named as left out.
    A file that can be reached in several ways is read once. Raises InputError for what no reader
    could read (broken links, FIFOs, links in a circle, 0 bytes under the name of a compressed
    file), and for two files of one name.
    """
    inputs = [patterns] if isinstance(patterns, str) else list(dict.fromkeys(patterns))
    taken = [_take(pattern, input_format) for pattern in inputs]
    formats = sorted({each.format for each in taken})
    if len(formats) > 1:
        raise InputError(
            f"--input {', '.join(inputs)}: {', '.join(formats)}; inputs must be of one format"
        )
    chosen, twice = _each_once(taken)
    left_out = (*(left for each in taken for left in each.left_out), *twice)
    say_left_out(left_out)
    return Inventory(format=formats[0], files=tuple(chosen), left_out=left_out)


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """The files that one input gives."""

    pattern: str
    format: str
    listed: list[Listed]
    files: list[InputFile]  # parallel to `listed`
    left_out: list[LeftOut]


def _take(pattern: str, input_format: str | None) -> _Taken:
    listed = find_files(pattern)
    if input_format is None and any("_delta_log" in f.name.split("/") for f in listed):
        raise InputError(
            f"--input {pattern}: holds a Delta table; say --input-format delta (parquet reads "
            "every file there, removed ones too)"
        )
    visible = [f for f in listed if not _hidden(f.name, ".")]
    named = {access.absolute(alternative) for alternative in expand(pattern)}
    data = [f for f in visible if f.path in named or not _hidden(f.name, "_")]
    if visible and not data and input_format != "text":
        raise InputError(
            f"--input {pattern}: {visible[0].name} and all else there begins with an underscore, "
            "or its folder does, and is passed over; rename what is to be read"
        )
    _check_faults(pattern, visible if input_format == "text" else data)
    told = {} if input_format == "text" else told_by_bytes(data)
    chosen = input_format or guess_format(pattern, [f.name for f in data], told)
    candidates = visible if chosen == "text" else data
    _check_faults(pattern, candidates)
    read = candidates
    if chosen != "text" and len(visible) > 1:
        # A file that stands alone may have any ending, once its format is known.
        read = [f for f in candidates if _is_of(chosen, f, told, guessed=input_format is None)]
    if not read:
        raise InputError(
            f"--input {pattern}: no {chosen} files there; check the path and --input-format"
        )
    names = {f.name for f in read}
    left_out = [(f.name, why_not(f.name, told)) for f in candidates if f.name not in names]
    shown = {f.name for f in candidates}
    hidden = [f for f in visible if f.name not in shown]
    left_out += [(name, UNDERSCORE) for name in _looks_like_data(hidden, chosen, read)]
    taken = [
        InputFile(
            name=f.name,
            path=f.path,
            size=f.size,
            modified=f.modified,
            magic=told.get(f.name, (None, None))[1],
        )
        for f in read
    ]
    if chosen == "jsonl":
        _check_compressed(pattern, taken)
    return _Taken(
        pattern=pattern,
        format=chosen,
        listed=read,
        files=_with_etags(taken),
        left_out=[LeftOut(name=name, reason=why) for name, why in left_out],
    )


def is_bookkeeping(name: str) -> bool:
    """Tell whether a file lies where Spark and table formats keep theirs."""
    return bool(_BOOKKEEPING & set(name.split("/")))


def _looks_like_data(hidden: Iterable[Listed], chosen: str, read: Iterable[Listed]) -> list[str]:
    """Return the names of hidden files that would be read but for their names: those of the format,
    unless they are read by another name, or Spark and table formats keep them."""
    same = {f.identity for f in read}
    return [
        f.name
        for f in hidden
        if format_of(f.name) == chosen and f.identity not in same and not is_bookkeeping(f.name)
    ]


def _is_of(chosen: str, listed: Listed, told: dict[str, Told], *, guessed: bool) -> bool:
    """Tell whether a file is of the format. If the user named the format and no names in the folder
    have an ending, all files there are."""
    if listed.name not in told:
        return format_of(listed.name) == chosen
    return told[listed.name][0] == chosen or not guessed


def _check_faults(pattern: str, files: Iterable[Listed]) -> None:
    for file in files:
        if file.fault is not None:
            raise InputError(f"--input {pattern}: {file.name} {file.fault}; repair or remove it")


def _check_compressed(pattern: str, files: Iterable[InputFile]) -> None:
    for file in files:
        if file.codec is not None and not file.size:
            raise InputError(
                f"--input {pattern}: {file.name} is empty, and 0 bytes are no {file.codec} file; "
                "repair or remove it"
            )


def _each_once(taken: Sequence[_Taken]) -> tuple[list[InputFile], list[LeftOut]]:
    """Return the files of all inputs in order of name, and those that are one of them by another
    name. Raises InputError if two files have one name."""
    every = [
        (listed.links, file.name, file.path, listed.identity, file, each.pattern)
        for each in taken
        for listed, file in zip(each.listed, each.files, strict=True)
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


def say_left_out(left_out: Sequence[LeftOut]) -> None:
    """Warn, in one line, of files that are visible and not read."""
    if left_out:
        named = ", ".join(f"{left.name} ({left.reason})" for left in left_out[:5])
        more = f" and {len(left_out) - 5:,} more" if len(left_out) > 5 else ""
        said = "input: visible and left out: %s: %s%s"
        log.warning(said, counted(len(left_out), "file"), named, more)


def check_apart(patterns: str | Sequence[str], inventory: Inventory, output: str) -> None:
    """Raise InputError if the output lies in the input, since the next run would read it."""
    fs, folder = _resolved(output)
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        input_fs, _ = _resolved(pattern)
        inside = fs.equals(input_fs) and takes_in(pattern, folder, lambda at: _resolved(at)[1])
        if inside or any(
            access.locate(f.path)[1].startswith(f"{folder}/") for f in inventory.files
        ):
            raise InputError(f"--output {output}: lies in --input {pattern}; name one outside it")


def _resolved(path: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system of an address and the path in it, with its links resolved."""
    fs, inner = access.locate(path)
    return fs, str(Path(inner).resolve()) if divide(path).is_local else inner


def _with_etags(files: list[InputFile]) -> list[InputFile]:
    """Add the ETags of objects. An object that is put anew with the same bytes has the same ETag,
    so it counts as the same object whatever its time."""
    paths = [file.path for file in files]
    root = os.path.commonprefix(paths).rpartition("/")[0]  # noqa: RUF071  # keeps an address's //
    if divide(root).is_local or not access.is_object_store(access.locate(root)[0]):
        return files
    seen = look_below(paths)
    return [
        replace(file, etag=None if facts is None else facts.etag)
        for file, facts in zip(files, seen, strict=True)
    ]


def _hidden(name: str, mark: str) -> bool:
    """Tell whether a name, or a folder's, begins with the mark. _lang=fr is data, as in Spark."""
    return any(p.startswith(mark) and (mark == "." or "=" not in p) for p in name.split("/"))
