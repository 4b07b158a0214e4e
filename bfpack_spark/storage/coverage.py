"""How much of each input file was read: what workers tell, which the driver compares.

A task counts, of every file it reads some of, the rows or documents that the file gave it and the
bytes of the file that it consumed. Over all tasks of a run these sums must be those of the files.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Tally:
    """What one task has read of each file, by the file's name in the inventory."""

    rows: Counter[str] = field(default_factory=Counter)  # Parquet: rows; JSONL: lines that say
    #   something; text: one a file. Deleted rows and those of other buckets are counted too.
    num_bytes: Counter[str] = field(default_factory=Counter)  # JSONL, text: bytes of the file

    def add(self, name: str, *, rows: int = 0, num_bytes: int = 0) -> None:
        """Count what was read of a file."""
        self.rows[name] += rows
        self.num_bytes[name] += num_bytes
