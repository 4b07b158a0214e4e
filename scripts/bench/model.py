"""What a run of so many tokens looks like: tasks, groups, shards, and the blocks between them.

Numbers of tasks are the job's own arithmetic. Documents are as long as RefinedWeb's (packers.py),
and their ids those of a corpus without an id column.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from events import read_shuffles
from figures import print_head
from packers import MEAN_TOKENS, expected_histogram

from bfpack_spark.config import Settings
from bfpack_spark.core.fragments import count_fragments
from bfpack_spark.core.groups import num_groups
from bfpack_spark.core.rows import default_num_shards
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.tasks import TASKS
from bfpack_spark.schema import HASHED, LOCATED, PLAN, SOUGHT

FILE_TOKENS = 1 << 24  # of a token file: a task takes 64 MB of plain JSONL
GROUP_DOCUMENTS_MAX: int = Settings.model_fields["group_documents_max"].default
BLOCK_BYTES_MIN = 64 << 10
_ID_BYTES = 25 + 4  # part-00003.parquet#1234567, and how long it is
_BYTES = {pa.int32(): 4, pa.int64(): 8, pa.string(): _ID_BYTES}
_PLACE = ("file", "row", "doc_length")  # of SOUGHT: what of a document is not its id


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """What one stage sends to the next: a block from every sender to every receiver."""

    name: str
    num_bytes: float
    senders: int
    receivers: int

    @property
    def blocks(self) -> int:
        return self.senders * self.receivers

    @property
    def block_bytes(self) -> float:
        """In the mean."""
        return self.num_bytes / self.blocks


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A bucket packed at seq_len."""

    tokens: int
    seq_len: int
    shuffle_ratio: float  # bytes shuffled of tokens / bytes of tokens
    file_tokens: int = FILE_TOKENS
    num_shards: int | None = None  # default: the job's own choice

    @property
    def documents(self) -> int:
        return round(self.tokens / MEAN_TOKENS)

    @cached_property
    def fragments(self) -> int:
        """Documents and the further pieces of those that are cut."""
        some = expected_histogram(10**6)
        cut = count_fragments(some.values, some.counts, self.seq_len, "split").sum() / 10**6
        return round(self.documents * float(cut))

    @property
    def files(self) -> int:
        return -(-self.tokens // self.file_tokens)

    @property
    def groups(self) -> int:
        return num_groups(self.documents, GROUP_DOCUMENTS_MAX)

    @property
    def shards(self) -> int:
        return self.num_shards or default_num_shards(-(-self.tokens // self.seq_len), self.seq_len)

    @property
    def shard_tokens(self) -> float:
        return self.tokens / self.shards

    @property
    def shuffles(self) -> list[Shuffle]:
        return [self._ids(), *self.plan_shuffles(), *self.assemble_shuffles()]

    def _ids(self) -> Shuffle:
        return Shuffle(
            name="tokenize: ids to where equal ones would meet",
            num_bytes=self.documents * _ID_BYTES,
            senders=TASKS.num_readers(self.files),
            receivers=TASKS.num_id_parts(self.documents),
        )

    def plan_shuffles(self) -> Iterator[Shuffle]:
        num_bytes = self.documents * _row_bytes(HASHED, HASHED.names)
        readers = TASKS.num_readers(self.files)
        if self.groups == 1:
            yield Shuffle(
                name="plan: documents to the group",
                num_bytes=num_bytes,
                senders=readers,
                receivers=1,
            )
            return
        stretches = -(-self.documents // TASKS.stretch_documents)
        yield Shuffle(
            name="plan: documents to their stretch of lengths",
            num_bytes=num_bytes,
            senders=readers,
            receivers=stretches,
        )
        yield Shuffle(
            name="plan: documents to their group",
            num_bytes=num_bytes,
            senders=stretches,
            receivers=self.groups,
        )

    def assemble_shuffles(self) -> Iterator[Shuffle]:
        parts = TASKS.num_joins(self.fragments, self.documents)
        walks = TASKS.num_walks(self.files)
        of_document = _row_bytes(SOUGHT, ["doc_id", *_PLACE])
        of_fragment = _row_bytes(PLAN, [name for name in PLAN.names if name != "group"])
        located = _row_bytes(LOCATED, [name for name in LOCATED.names if name != "task"])
        yield Shuffle(
            name="assemble: documents and fragments to where they meet",
            num_bytes=self.documents * of_document + self.fragments * of_fragment,
            senders=TASKS.num_readers(self.files + self.groups),
            receivers=parts,
        )
        yield Shuffle(
            name="assemble: fragments to their tokens",
            num_bytes=self.fragments * located,
            senders=parts,
            receivers=walks,
        )
        yield Shuffle(
            name="assemble: tokens to their shard",
            num_bytes=4 * self.tokens * self.shuffle_ratio,
            senders=walks,
            receivers=self.shards,
        )


def best_fit(seq_len: int, group_documents_max: int) -> Rules:
    """What is counted: best fit, and long documents are split."""
    return Rules(
        seq_len=seq_len,
        packing="best_fit",
        long_documents="split",
        group_documents_max=group_documents_max,
        seed=0,
    )


def largest_bucket(layout: Layout) -> Layout:
    """This layout at the most tokens, in steps of a tenth, that leave the blocks of every shuffle
    BLOCK_BYTES_MIN in the mean."""
    larger = replace(layout, tokens=layout.tokens * 11 // 10)
    while min(shuffle.block_bytes for shuffle in larger.shuffles) >= BLOCK_BYTES_MIN:
        layout, larger = larger, replace(larger, tokens=larger.tokens * 11 // 10)
    return layout


def _row_bytes(schema: pa.Schema, names: list[str]) -> int:
    return sum(_BYTES[schema.field(name).type] for name in names)


def print_blocks(expected: list[Shuffle], log: Path) -> None:
    """These shuffles, which follow each other and are the largest in the log of a command, as the
    model has them and as they were."""
    found = read_shuffles(log)
    windows = [found[n : n + len(expected)] for n in range(len(found) - len(expected) + 1)]
    largest = max(windows, key=lambda own: sum(shuffle.num_bytes for shuffle in own))
    print_head("shuffle | blocks: model | here | KiB in the mean: model | here", "lrrrr")
    for model, here in zip(expected, largest, strict=True):
        blocks = f"{model.blocks:,} | {here.blocks:,}"
        sizes = (model.block_bytes / 2**10, here.num_bytes / here.blocks / 2**10)
        print(f"| {model.name} | {blocks} | {sizes[0]:.1f} | {sizes[1]:.1f} |")
