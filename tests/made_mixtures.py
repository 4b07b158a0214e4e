"""An output of several buckets of sequences that `bfpack mix` takes and a reader reads, written
without Spark."""

from pathlib import Path
from typing import Any

import made_versions
from conftest import Ran
from made_output import SEQ_LEN, write_output
from outputs import manifest, publish

STORE = "5" * 64  # the fingerprint of each bucket's token store
AT = ("--seq-len", str(SEQ_LEN))


def write_buckets(output: Path, buckets: dict[str, tuple[int, ...]]) -> None:
    """Publish these buckets: rows of each shard."""
    for name, shards in buckets.items():
        write_bucket(output, name, shards)


def write_bucket(
    output: Path, name: str, shards: tuple[int, ...], tokenizer: str = "7" * 64
) -> Path:
    """Publish a bucket, and return the directory of its version."""
    version = write_output(output, shards, name=name)
    publish(version, complete(manifest(version), sum(shards)))
    write_store(output / name / "tokens", name, tokenizer)
    return version


def complete(held: dict[str, Any], rows: int) -> dict[str, Any]:
    """Add to a manifest what a reader does not need."""
    held["inputs"] = made_versions.inputs(0, STORE).as_json()
    held["tokenizer"] |= {"bos_id": None, "own_pad_id": None, "pad_is_eos": False}
    held["totals"] = {"sequences": rows, "tokens": rows * SEQ_LEN, "shards": 1}
    counts = {"num_documents": 2 * rows, "num_documents_packed": 2 * rows, "num_documents_cut": 1}
    held["accounting"] = {
        **made_versions.NO_COUNTS,
        **counts,
        "num_sequences": rows,
        "num_tokens_packed": rows * SEQ_LEN,
        "num_documents_cut_by_concat": float(rows),
        "num_documents_quarantined": {},
    }
    return held


def write_store(place: Path, name: str, tokenizer: str) -> None:
    inputs = made_versions.token_inputs([["a.jsonl", 1, 1]])
    held = made_versions.tokens_manifest(inputs) | {"bucket": name, "fingerprint": STORE}
    held["inputs"]["tokenizer_sha256"] = tokenizer
    (place / STORE[:16]).mkdir(parents=True, exist_ok=True)
    publish(place / STORE[:16], held)


def mix(output: Path, name: str, *more: str) -> Ran:
    """`bfpack mix NAME` at SEQ_LEN."""
    return made_versions.run("mix", output, name, *AT, *more)
