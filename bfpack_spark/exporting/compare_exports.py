"""verify, shards and their exports -> MESSAGES: each shard is read again, and the files of its
export must be what its rows make."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.exporting import bridge, mds, megatron
from bfpack_spark.exporting.rows import ShardEntry, in_files, read_rows
from bfpack_spark.exporting.write_files import ExportSpec
from bfpack_spark.files import access
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.schema import MESSAGES, ExportFormat, spark_ddl
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import rows_of

Fault = tuple[str, str]  # the file and what is wrong with it


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file as the manifest of its export lists it."""

    path: str
    bytes: int
    sha256: str


def compare_exports(entries: DataFrame, spec: ExportSpec) -> DataFrame:
    """Compare exports with shards. In: rows of ShardEntry, and `files`, the Exported of each.
    Out: a message a shard, with its faults."""
    worker = functools.partial(_compare, spec=spec)
    return entries.mapInArrow(worker, spark_ddl(MESSAGES))


def _compare(batches: Iterator[pa.RecordBatch], *, spec: ExportSpec) -> Iterator[pa.RecordBatch]:
    for row in rows_of(batches):
        files = [Exported(**file) for file in row.pop("files")]
        yield message({"faults": list(_faults(ShardEntry(**row), files, spec))})


def _faults(entry: ShardEntry, files: list[Exported], spec: ExportSpec) -> Iterator[Fault]:
    try:
        damaged = [file for file in files if not is_as_listed(spec.root, file)]
        for file in damaged:
            yield file.path, "is not what the manifest says, by its size or sha256"
        if not damaged:
            yield from _COMPARERS[spec.form](entry, files, spec)
    except Exception as error:  # damaged bytes fail in many ways, all faults of the export
        why = " ".join(str(error).split())
        yield entry.path, f"cannot be compared: {why or type(error).__name__}"


def is_as_listed(root: str, file: Exported) -> bool:
    """Return whether a file is on disk as its manifest lists it."""
    path = f"{root}/{file.path}"
    there = access.is_file(path)
    return there and access.size_and_sha256(path) == (file.bytes, file.sha256)


def _compare_megatron(
    entry: ShardEntry, files: list[Exported], spec: ExportSpec
) -> Iterator[Fault]:
    kind = megatron.type_of_ids(spec.vocabulary_size)
    digest = hashlib.sha256()
    for rows in read_rows(entry, spec.seq_len):
        digest.update(megatron.bytes_of_ids(rows, kind).data)
    index = megatron.bytes_of_index(entry.rows, spec.seq_len, kind)
    wanted = {"bin": digest.hexdigest(), "idx": hashlib.sha256(index).hexdigest()}
    held = {file.path.rpartition(".")[2]: file.sha256 for file in files}
    for ending in sorted(wanted.keys() | held.keys()):
        if wanted.get(ending) != held.get(ending):
            yield f"shards/part-{entry.shard:05d}.{ending}", f"is not what {entry.path} makes"


def _compare_mds(entry: ShardEntry, files: list[Exported], spec: ExportSpec) -> Iterator[Fault]:
    parts = in_files(read_rows(entry, spec.seq_len), mds.rows_per_file(spec.seq_len))
    made = 0
    for made, rows in enumerate(parts, start=1):
        if made > len(files):
            break
        file = files[made - 1]
        with access.open_binary(f"{spec.root}/{file.path}") as zipped:
            raw = pa.CompressedInputStream(pa.PythonFile(zipped, mode="r"), "zstd").read()
        if raw != mds.bytes_of_file(rows, spec.seq_len):
            yield file.path, f"is not what {entry.path} makes"
    if made != len(files):
        yield f"shards/part-{entry.shard:05d}", f"are {len(files)} files of {entry.path}"


def _compare_bridge(entry: ShardEntry, files: list[Exported], spec: ExportSpec) -> Iterator[Fault]:
    read = read_rows(entry, spec.seq_len, spec.num_repeated)
    made = (bridge.table_of(group) for group in read)
    for file in files[:1]:
        with open_own_parquet(f"{spec.root}/{file.path}") as held:
            groups = (held.read_row_group(n) for n in range(held.num_row_groups))
            pairs = zip_longest(groups, made)
            if not all(one is not None and one.equals(other) for one, other in pairs):
                yield file.path, f"is not what {entry.path} makes"
    if len(files) != 1:
        yield f"shards/part-{entry.shard:05d}", f"are {len(files)} files of {entry.path}"


_COMPARERS: dict[
    ExportFormat, Callable[[ShardEntry, list[Exported], ExportSpec], Iterator[Fault]]
] = {"megatron": _compare_megatron, "mds": _compare_mds, "bridge": _compare_bridge}
