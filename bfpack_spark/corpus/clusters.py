"""Clusters: pieces of an input drawn at random, each with a known chance, so that a few of them
tell about all. A piece is a byte range of JSONL, a row group of Parquet, or a whole file where a
file cannot be divided.

Pieces are drawn by a byte of the input, and every byte is equally likely, so large pieces are drawn
more often.
"""

import bisect
import functools
import itertools
from dataclasses import dataclass, replace

import numpy as np

from bfpack_spark.corpus.inventory import InputFile, Inventory, Split, whole_file
from bfpack_spark.corpus.parquet import row_groups_of

_DRAWS_MIN = 32  # fewer draws tell little about their own spread


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A piece of the input, and the chance that one draw takes it."""

    split: Split
    num_bytes: int
    chance: float


def draw_clusters(
    inventory: Inventory,
    num_draws: int,
    seed: int,
    *,
    range_bytes: int = 1 << 20,
    read_bytes_max: int = 4 << 30,
) -> list[Cluster]:
    """Return the clusters that are drawn, with replacement and in order. There are fewer than
    `num_draws` if that many would read over `read_bytes_max`, but then not fewer than 32. The list
    is empty if the input has no bytes. range_bytes: the size of the pieces of JSONL."""
    random = np.random.default_rng(seed)
    files = [file for file in inventory.files if file.size]
    if not files:
        return []
    ends = list(itertools.accumulate(file.size for file in files))
    bytes_drawn = random.integers(ends[-1], size=num_draws).tolist()
    row_groups = functools.cache(row_groups_of)
    clusters = []
    for byte in bytes_drawn:
        number = bisect.bisect_right(ends, byte)
        file, at = files[number], byte - (ends[number] - files[number].size)
        chance = file.size / ends[-1]
        if inventory.format == "parquet":
            groups = row_groups(file.path, file.name, file.size)
            clusters.append(_row_group(file, at, chance, groups))
        else:
            clusters.append(_range(file, at, chance, range_bytes))
    mean = sum(cluster.num_bytes for cluster in clusters) / len(clusters)
    return clusters[: max(_DRAWS_MIN, int(read_bytes_max / max(mean, 1)))]


def _range(file: InputFile, at: int, chance: float, range_bytes: int) -> Cluster:
    """Return the range of a file of lines that holds a byte. `chance` is that of the whole file."""
    if file.codec is not None:
        return _whole(file, chance)
    start = at // range_bytes * range_bytes
    end = min(start + range_bytes, file.size)
    split = replace(whole_file(file), start=start, end=end)
    return Cluster(split=split, num_bytes=end - start, chance=chance * (end - start) / file.size)


def _row_group(file: InputFile, at: int, chance: float, groups: list[tuple[int, int]]) -> Cluster:
    """Return the row group that a byte stands for. Bytes that belong to no row group are shared out
    among the row groups in proportion to their sizes."""
    sizes = [size for _, size in groups]
    if not sum(sizes):
        return _whole(file, chance)
    ends = list(itertools.accumulate(sizes))
    number = bisect.bisect_right(ends, at * ends[-1] // file.size)
    place, size = groups[number]
    split = replace(whole_file(file), start=place, end=place + 1)
    return Cluster(split=split, num_bytes=size, chance=chance * size / ends[-1])


def _whole(file: InputFile, chance: float) -> Cluster:
    return Cluster(split=whole_file(file), num_bytes=file.size, chance=chance)
