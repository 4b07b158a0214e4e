"""The files that a worker makes of a shard, in a trainer's format. No Spark is needed here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.exporting import bridge, mds, megatron
from bfpack_spark.exporting.rows import ShardEntry, check_ids, in_files, read_rows
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import BRIDGE, ExportFormat

Written = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ExportSpec:
    """What a worker needs to know to write an export, or to compare it."""

    root: str  # the directory of the export's version
    form: ExportFormat
    seq_len: int
    vocabulary_size: int
    eos_id: int
    num_repeated: int = 0  # tokens that are masked where a fragment goes on with a document


def _write_megatron(entry: ShardEntry, spec: ExportSpec) -> Written:
    kind = megatron.type_of_ids(spec.vocabulary_size)
    name = f"shards/part-{entry.shard:05d}"
    data = HashingFile(spec.root, f"{name}.bin")
    tokens = restarts = 0
    is_same = kind == megatron.IDS  # then the file's hash is that of the ids
    for rows in read_rows(entry, spec.seq_len, hashed=not is_same):
        open_ended, inside = megatron.restarts_elsewhere(rows, spec.eos_id)
        if open_ended is not None:
            raise InputError(
                f"export megatron: sequence {open_ended} in {entry.path} has a document that does "
                f"not end with EOS, {spec.eos_id}, and Megatron knows no other border; export mds, "
                "or read the shards themselves"
            )
        data.write(megatron.bytes_of_ids(rows, kind).data)
        tokens += rows.num_tokens
        restarts += inside
    if is_same:
        check_ids(entry, data.sha256)
    files = [
        data.entry("shards", rows=entry.rows, tokens=tokens, ids_sha256=entry.ids_sha256),
        whole_file(
            spec.root, f"{name}.idx", megatron.bytes_of_index(entry.rows, spec.seq_len, kind)
        ),
    ]
    return {"files": files, "rows": entry.rows, "tokens": tokens, "restarts_inside": restarts}


def _write_mds(entry: ShardEntry, spec: ExportSpec) -> Written:
    files: list[dict[str, Any]] = []
    shards: list[dict[str, Any]] = []
    tokens = 0
    for parts in in_files(read_rows(entry, spec.seq_len), mds.rows_per_file(spec.seq_len)):
        raw = mds.bytes_of_file(parts, spec.seq_len)
        zipped = mds.compressed(raw)
        name = f"part-{entry.shard:05d}-{len(files):03d}.mds"
        num_rows, num_tokens = sum(map(len, parts)), sum(rows.num_tokens for rows in parts)
        shards.append(mds.described(name, raw, zipped, num_rows, spec.seq_len))
        del raw
        counts = {"rows": num_rows, "tokens": num_tokens}
        files.append(whole_file(spec.root, f"shards/{name}.zstd", zipped, **counts))
        tokens += num_tokens
    return {"files": files, "rows": entry.rows, "tokens": tokens, "described": shards}


def _write_bridge(entry: ShardEntry, spec: ExportSpec) -> Written:
    output = ParquetOutput(spec.root, f"shards/part-{entry.shard:05d}.idx.parquet", BRIDGE)
    tokens = 0
    for rows in read_rows(entry, spec.seq_len, spec.num_repeated):
        output.write(bridge.table_of(rows))
        tokens += rows.num_tokens
    return {"files": [output.close("shards", tokens, None)], "rows": entry.rows, "tokens": tokens}


# By format: a shard -> its files, rows and tokens, and for `megatron` restarts_inside, for `mds`
# described.
WRITERS: dict[ExportFormat, Callable[[ShardEntry, ExportSpec], Written]] = {
    "megatron": _write_megatron,
    "mds": _write_mds,
    "bridge": _write_bridge,
}


def whole_file(root: str, path: str, raw: bytes, rows: int = 0, tokens: int = 0) -> Written:
    """Write a file all at once, and return its entry for the manifest."""
    file = HashingFile(root, path)
    file.write(raw)
    return file.entry("shards", rows=rows, tokens=tokens, ids_sha256=None)
