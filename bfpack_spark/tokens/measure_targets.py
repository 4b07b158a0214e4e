"""A stage, token files -> MESSAGES: what a long-document policy keeps of documents with loss masks.

Of a token file only lengths, masks and ids of documents are read. A task adds up the documents by
the tokens that are kept, and counts what is truncated, dropped, and left out because no target
would be kept; the last ones are rows of quarantine/ in the version of sequences.
"""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.accounting import PolicyEffect
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.kept_targets import KeptTargets
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import MESSAGES, QUARANTINE, Reason, plain, spark_ddl, with_masks
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import rows_of
from bfpack_spark.tokens.token_places import Keep, read_kept

_COUNTS = (
    *("num_documents_truncated", "num_documents_dropped", "num_documents_without_target"),
    *("num_tokens_truncated", "num_tokens_dropped"),
    *("num_targets_truncated", "num_targets_dropped"),
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a policy keeps of all documents of a store."""

    histogram: Histogram  # of the tokens that are kept of the documents that are packed
    effect: PolicyEffect
    num_targets_truncated: int
    num_targets_dropped: int
    num_documents_without_target: int  # they are among those that are dropped
    files: list[dict[str, Any]]  # entries of quarantine/


def measure_targets(sources: DataFrame, keep: Keep, root: str | None = None) -> DataFrame:
    """Return a message for each task. sources: files_frame of the token files. With `root`, the
    directory of a version of sequences, quarantine/ is written there."""
    return sources.mapInArrow(
        functools.partial(_measure, keep=keep, root=root), spark_ddl(MESSAGES)
    )


def kept_by(messages: Sequence[dict[str, Any]]) -> Kept:
    """Return what the messages of all tasks tell."""
    counts: Counter[str] = Counter()
    for said in messages:
        counts.update(said["counts"])
    histogram = Histogram.merged(
        Histogram(
            values=np.array(said["kept"], np.int64),
            counts=np.array(said["num_documents"], np.int64),
        )
        for said in messages
    )
    return Kept(
        histogram=histogram,
        effect=PolicyEffect(
            num_documents_packed=histogram.count,
            num_documents_cut=counts["num_documents_truncated"],
            num_documents_truncated=counts["num_documents_truncated"],
            num_documents_dropped=counts["num_documents_dropped"],
            num_tokens_packed=histogram.total,
            num_tokens_truncated=counts["num_tokens_truncated"],
            num_tokens_dropped=counts["num_tokens_dropped"],
        ),
        num_targets_truncated=counts["num_targets_truncated"],
        num_targets_dropped=counts["num_targets_dropped"],
        num_documents_without_target=counts["num_documents_without_target"],
        files=[entry for said in messages for entry in said["files"]],
    )


def _measure(
    batches: Iterator[pa.RecordBatch], *, keep: Keep, root: str | None
) -> Iterator[pa.RecordBatch]:
    sources = rows_of(batches)
    if not sources:
        return
    kept = [np.empty(0, np.int64)]  # of each document that is packed
    counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
    quarantine: list[pa.Table] = []
    for source in sources:
        for table, found in read_kept(source["path"], source["file"], keep):
            lengths = table.column("doc_length").to_numpy()
            kept.append(found.kept[found.kept > 0])
            counts.update(_counted(lengths, found))
            if found.without_target.any():
                inside = "/".join(source["path"].split("/")[-2:])
                quarantine.append(_set_aside(table, inside, found, keep))
    files = []
    if quarantine and root is not None:
        name = f"quarantine/part-{sources[0]['file']:05d}.parquet"
        output = ParquetOutput(root, name, with_masks(QUARANTINE, masks=True))
        output.write(pa.concat_tables(quarantine))
        files.append(output.close("quarantine", 0, None))
    values, documents = np.unique(np.concatenate(kept), return_counts=True)
    told = {"kept": values.tolist(), "num_documents": documents.tolist()}
    yield message({**told, "counts": counts, "files": files})


def _counted(lengths: np.ndarray, found: KeptTargets) -> dict[str, int]:
    dropped = found.kept == 0
    truncated = ~dropped & (found.kept < lengths)
    lost = found.targets - found.targets_kept
    values = (
        *(truncated.sum(), dropped.sum(), found.without_target.sum()),
        *((lengths - found.kept)[truncated].sum(), lengths[dropped].sum()),
        *(lost[truncated].sum(), found.targets[dropped].sum()),
    )
    return dict(zip(_COUNTS, map(int, values), strict=True))


def _set_aside(table: pa.Table, path: str, found: KeptTargets, keep: Keep) -> pa.Table:
    """Return rows of QUARANTINE of documents of which no target would be kept. Their place is the
    token file, whose path in the store is given, and the row there."""
    part = table.filter(pa.array(found.without_target))
    lengths = part.column("doc_length").to_pylist()
    columns = {
        "doc_id": part.column("doc_id"),
        "source": [f"{path}#{row}" for row in part.column("row").to_pylist()],
        "reason": [Reason.NO_TARGET] * len(part),
        "detail": [
            f"{n} tokens, none of the first {keep.seq_len} is left as a target by "
            f"{keep.long_documents}"
            for n in lengths
        ],
        "num_targets": found.targets[found.without_target],
    }
    return pa.table(columns, schema=plain(with_masks(QUARANTINE, masks=True)))
