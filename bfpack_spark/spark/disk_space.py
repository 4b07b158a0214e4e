"""Whether there is room for what a run will write. About how much that is, is logged before it
starts.

    the token store          0.8 bytes for a byte of compressed input, 0.25 for one of plain text
    sequences of a seq_len   1.2 bytes for one of the token store
    temporary files          2 bytes for one of the token store, while sequences are assembled

The last two are within a third on code and on prose. The first is rough: a vocabulary of 16k gives
half as many tokens more than one of 128k, text that repeats itself compresses to little, and a
column may hold most of a file or hardly any of it. So there is a warning if less is free. A run
ends only if less is free than a twentieth of the first, or half of the others, since it could not
have fitted. Object stores, the disks of a cluster's workers, and quotas are not looked at.
"""

import logging
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from rich.filesize import decimal

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import divide
from bfpack_spark.logs import facts, log
from bfpack_spark.spark.versions import context_of

_STORED_OF_COMPRESSED = 0.8
_STORED_OF_PLAIN = 0.25
_SEQUENCES_OF_STORED = 1.2
_TEMPORARY_OF_STORED = 2.0


@dataclass(frozen=True, kw_only=True)
class Need:
    """About how many bytes will be written, and the share of them that surely will."""

    output: int
    temporary: int
    surely: float


def need_of_tokens(inventory: Inventory, num_seq_lens: int, *, whole: bool = True) -> Need:
    """Return the need of a token store made of these files, and of sequences of `num_seq_lens`
    seq_lens. Unless the `whole` files are read, nothing is surely needed."""
    plain = inventory.format in ("jsonl", "text")
    stored = sum(
        file.size * (_STORED_OF_PLAIN if plain and file.codec is None else _STORED_OF_COMPRESSED)
        for file in inventory.files
    )
    return Need(
        output=int(stored * (1 + _SEQUENCES_OF_STORED * num_seq_lens)),
        temporary=int(stored * _TEMPORARY_OF_STORED) if num_seq_lens else 0,
        surely=0.05 if whole else 0,
    )


def need_of_sequences(stored: int, share: float = 1) -> Need:
    """Return the need of the sequences of one seq_len, made of a token store of `stored` bytes, of
    whose tokens this share is packed. It is more than 1 if tokens are repeated."""
    return Need(
        output=int(stored * share * _SEQUENCES_OF_STORED),
        temporary=int(stored * share * _TEMPORARY_OF_STORED),
        surely=0.5,
    )


def check_space(spark: SparkSession, directory: str, need: Need, what: str) -> None:
    """Log how much is needed and how much is free, as a warning if it may be too little. Raise
    InputError if less is free than is surely needed."""
    wanted = _by_disk(directory, need, _temporary_directories(spark))
    said = "%s: about %s of output and %s of temporary files; free: %s"
    free = ", ".join(f"{decimal(disk.free)} in {disk.path}" for disk in wanted) or "not looked at"
    told = facts(output_bytes=need.output, temporary_bytes=need.temporary)
    short = any(disk.free < disk.needed for disk in wanted)
    level = logging.WARNING if short else logging.INFO
    log.log(level, said, what, decimal(need.output), decimal(need.temporary), free, extra=told)
    for disk in wanted:
        if disk.free < disk.needed * need.surely:
            raise InputError(
                f"{disk.path}: {what} need about {decimal(int(disk.needed))} there, and "
                f"{decimal(disk.free)} are free; free space, or name a larger disk by --output, "
                "for temporary files by TMPDIR or spark.local.dir"
            )


@dataclass(frozen=True, kw_only=True)
class _Disk:
    path: str
    free: int
    needed: float


def _by_disk(directory: str, need: Need, temporary: list[str]) -> list[_Disk]:
    """Return what each disk of this machine must take. Output and temporary files may share one."""
    address = divide(directory)
    wanted = [(str(Path(address.key).absolute()), float(need.output))] if address.is_local else []
    wanted += [(path, need.temporary / len(temporary)) for path in temporary]
    needed: dict[int, float] = defaultdict(float)
    places: dict[int, Path] = {}
    for path, amount in wanted:
        # The path, or the nearest of its parents that exists.
        there = next(at for at in (Path(path), *Path(path).parents) if at.exists())
        device = there.stat().st_dev
        places.setdefault(device, there)
        needed[device] += amount
    return [
        _Disk(path=str(path), free=shutil.disk_usage(path).free, needed=needed[device])
        for device, path in places.items()
    ]


def _temporary_directories(spark: SparkSession) -> list[str]:
    """Return where shuffle files go, if that is on this machine."""
    context = context_of(spark)
    if context is None or not (context.master or "").startswith("local"):
        return []
    named = os.environ.get("SPARK_LOCAL_DIRS") or context.getConf().get("spark.local.dir")
    paths = map(str.strip, (named or "/tmp").split(","))
    return [path for path in paths if Path(path).is_dir()]
