"""Which files the corpus consists of, and how they are split among tasks."""

import math
from dataclasses import dataclass, replace

from bfpack_spark.corpus.formats import codec_of

_TASK_BYTES = 1 << 22  # a task grows with the square root of the corpus: see split_inventory


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A file of the corpus. Its name, from which ids are made, is relative to the input's root."""

    name: str
    path: str
    size: int  # bytes
    modified: int = 0  # ns; 0: not told
    etag: str | None = None  # of an object
    magic: str | None = None  # the codec that its first bytes tell, where its name has no ending

    @property
    def codec(self) -> str | None:
        """Return how it is compressed (gzip, zstd, bz2, xz), or None if it is not."""
        return self.magic or codec_of(self.name)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A visible file of the input that is not read."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The corpus as files, in order of name, all of one format (parquet, jsonl or text). If it is a
    table or frame (delta, table, frame), one entry stands for it."""

    format: str
    files: tuple[InputFile, ...]
    left_out: tuple[LeftOut, ...] = ()  # it decides nothing, so it is in no fingerprint

    @property
    def num_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def whole_files(self) -> list["Split"]:
        """Return each file as one range."""
        return list(map(whole_file, self.files))

    def for_fingerprint(self) -> list[list[str | int]]:
        """Return the name and size of each file, and its ETag or else its modification time."""
        return [[file.name, file.size, file.etag or file.modified] for file in self.files]


@dataclass(frozen=True, kw_only=True)
class Split(InputFile):
    """A range of bytes of a file, for one task. It stands for all that begins in it (JSONL: lines;
    Parquet: row groups that stand for a byte in it; text: the file)."""

    task: int
    start: int
    end: int


def split_inventory(inventory: Inventory) -> list[Split]:
    """Return ranges of at most 64 MB, with small files side by side in one task. Compressed JSONL
    and text files are not split.

    Each task writes one token file, so a task must be large enough to be worth one. The tasks
    follow from the inventory alone, so that every run of an inventory writes the same files. Their
    number and their size grow together: 10 MB are 2 tasks, 100 MB are 5 tasks of 20 MB, and from 1
    GB on a task has 64 MB. (150 MB in 14 tasks instead of 3 cost a tenth more CPU on two cores, in
    all stages.)
    """
    target = min(max(math.isqrt(inventory.num_bytes * _TASK_BYTES), 1 << 20), 64 << 20)
    splits: list[Split] = []
    task, filled = 0, 0
    for file, whole in zip(inventory.files, inventory.whole_files(), strict=True):
        size = max(file.size, 1)
        step = size if inventory.format == "text" or file.codec is not None else target
        for start in range(0, size, step):
            end = min(start + step, size)
            if filled and filled + end - start > target:
                task, filled = task + 1, 0
            splits.append(replace(whole, task=task, start=start, end=end))
            filled += end - start
    return splits


def whole_file(file: InputFile) -> Split:
    """Return all of a file as one range."""
    return Split(task=0, start=0, end=file.size, **vars(file))
