"""Plan + token store -> shards and their manifest."""

import functools
import logging
import time
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.core.rows import shard_starts
from bfpack_spark.errors import JobError
from bfpack_spark.logs import facts
from bfpack_spark.plan.kept_plan import Plan
from bfpack_spark.sequences.assemble_sequences import assemble_sequences
from bfpack_spark.sequences.locate_fragments import locate_fragments
from bfpack_spark.sequences.shard_files import ShardSpec, write_shards
from bfpack_spark.spark.disk_space import check_space, need_of_sequences
from bfpack_spark.spark.messages import write_partitions
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.spark.progress import Work, watched
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions import versions
from bfpack_spark.versions.versions import Manifest, Version

log = logging.getLogger("bfpack")


def make_sequences(spark: SparkSession, store: TokenStore, made: Plan) -> Manifest:
    """Move the tokens to their shards and write the manifest. Return the manifest; the version is
    then complete, and not yet published. Raise JobError if not all planned tokens came."""
    version, started = made.version, time.monotonic()
    what = f"sequences of {made.accounting['seq_len']:,}"
    stored = sum(entry["bytes"] for entry in versions.files_of(store.manifest, "documents"))
    check_space(spark, version.directory, need_of_sequences(stored), what)
    pad = version.inputs["configuration"]["pad_id"]
    pad_is_eos = pad == store.tokenizer["eos_id"]
    if pad_is_eos:
        log.warning("the tokenizer has no pad token, so padding is EOS: num_padding tells it apart")
    shards = _write(spark, store, made, pad)
    assert len(shards) == made.num_shards, f"{len(shards)} shards written of {made.num_shards}"
    _check_all_came(shards, made)
    cut = sum(entry.pop("documents_cut") for entry in shards)
    if version.inputs["configuration"]["packing"] == "best_fit":
        assert cut == made.accounting["num_documents_cut"], f"{cut} documents cut"
    manifest = versions.complete(
        version,
        [*made.entries, *shards],
        totals={
            "sequences": sum(entry["rows"] for entry in shards),
            "tokens": sum(entry["tokens"] for entry in shards),
            "shards": len(shards),
        },
        accounting={**made.accounting, "num_documents_cut": cut, **store.carried_counts()},
        tokenizer={**store.tokenizer, "pad_id": pad, "pad_is_eos": pad_is_eos},
    )
    _say_done(version, manifest["totals"], time.monotonic() - started)
    return manifest


def _write(spark: SparkSession, store: TokenStore, made: Plan, pad: int) -> list[dict[str, Any]]:
    """Cut, move and write the tokens, and return the entries of the shards."""
    version, seq_len = made.version, made.accounting["seq_len"]
    starts = shard_starts(made.accounting["num_sequences"], made.num_shards)
    paths = [f"{version.directory}/{entry['path']}" for entry in made.entries]
    sources = files_frame(spark, {"plan": paths, "documents": store.paths})
    num_fragments = sum(entry["rows"] for entry in made.entries)
    located = locate_fragments(sources, num_fragments, len(store.paths))
    blocks = assemble_sequences(located, store.paths, starts)
    spec = ShardSpec(
        root=version.directory,
        bucket=version.place.bucket,
        seq_len=seq_len,
        pad_id=pad,
        starts=starts,
        metadata=store.shard_metadata(seq_len, pad),
    )
    amount = made.accounting["num_tokens_packed"]
    work = Work(bucket=spec.bucket, stage=f"assemble {seq_len}", amount=amount, unit="tokens")
    with watched(spark, work):
        written = write_partitions(blocks, functools.partial(write_shards, spec=spec))
    return [entry for message in written for entry in message["files"]]


def _say_done(version: Version, totals: dict[str, int], seconds: float) -> None:
    seq_len = version.place.seq_len
    log.info(
        "sequences of %d: %s shards, %s tokens in %.1f s",
        seq_len,
        f"{totals['shards']:,}",
        f"{totals['tokens']:,}",
        seconds,
        extra=facts(
            stage="assemble",
            seq_len=seq_len,
            version=version.name,
            **{"seconds": seconds, **totals},
        ),
    )


def _check_all_came(shards: list[dict[str, Any]], made: Plan) -> None:
    """Raise JobError if fewer or more tokens came than were planned. A document that the token
    store has lost since the plan may leave a gap only at the end of its row, where it looks like
    padding."""
    tokens, planned = sum(entry["tokens"] for entry in shards), made.accounting["num_tokens_packed"]
    if tokens != planned:
        raise JobError(
            f"{tokens:,} tokens came to the shards, {planned:,} were planned: the token store has "
            f"changed since; remove {made.version.directory} and run it again"
        )
