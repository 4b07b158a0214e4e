"""What --input names: files, or a version of a Delta table."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import SparkSession

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.delta.input import take_snapshot
from bfpack_spark.errors import InputError
from bfpack_spark.printable import counted

log = logging.getLogger("bfpack")


@dataclass(frozen=True, kw_only=True)
class Input:
    """What the user says about the corpus."""

    patterns: tuple[str, ...]  # directories, globs, files; of a Delta table, its path or name
    format: str | None = None  # None: by the names of the files
    version: int | None = None  # of a Delta table; None: the newest


def inventory_of(session: Callable[[], SparkSession], wanted: Input) -> Inventory:
    """Return the files that the input consists of. Only a Delta table needs the session."""
    if wanted.format == "delta":
        if len(wanted.patterns) > 1:
            raise InputError(
                f"--input {', '.join(wanted.patterns)}: of Delta tables one is read in a run; give "
                "one, or a table that holds the rows of all"
            )
        (table,) = wanted.patterns
        inventory, version = take_snapshot(session(), table, wanted.version)
        said = "input: version %d of %s, %s"
        log.info(said, version, table, counted(len(inventory.files), "file"))
        return inventory
    if wanted.version is not None:
        raise InputError(
            f"--input-version {wanted.version}: only a Delta table has versions; add "
            "--input-format delta, or leave it out"
        )
    return take_inventory(wanted.patterns, wanted.format)
