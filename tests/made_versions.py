"""Versions made by hand, of files that hold their own names: complete, and nothing to read."""

import hashlib
from pathlib import Path
from typing import Any

from conftest import Ran, run_command

from bfpack_spark.files.holders import Lock
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import SequencesInputs, TokensInputs
from bfpack_spark.versions.manifests import FileEntry, SequencesAccounting
from bfpack_spark.versions.publication import Home, Version


class _Held:
    """A lock that is not lost."""

    def check(self) -> None:
        pass


HELD = _Held()
_TOKENIZER = {"vocabulary_size": 9, "eos_id": 0, "bos_id": None, "own_pad_id": None}
NO_COUNTS = {name: 0 for name, one in SequencesAccounting.model_fields.items() if one.is_required()}
_SEQUENCES: dict[str, dict[str, Any]] = {
    "totals": {"sequences": 1, "tokens": 8, "shards": 1},
    "accounting": {
        **NO_COUNTS,
        "num_documents_quarantined": {},
    },
    "tokenizer": {**_TOKENIZER, "pad_id": 0, "pad_is_eos": True},
}
_TOKENS: dict[str, dict[str, Any]] = {
    "totals": {"documents": 1, "tokens": 8},
    "accounting": {
        "documents": 1,
        "tokens": 8,
        "documents_in": 1,
        "documents_empty": 0,
        "documents_quarantined": {},
        "tokens_inserted": 1,
    },
    "tokenizer": _TOKENIZER,
}


def version(
    output: Path, seed: int = 0, seq_len: int | None = 8, tokens: str = "0" * 64
) -> Version:
    """Of bucket `b`; seq_len None: a token store."""
    home = Home(output=str(output), bucket="b", seq_len=seq_len)
    return Version(
        home=home,
        inputs=inputs(seed, tokens) if seq_len else token_inputs([["a.jsonl", 1, seed]]),
    )


def inputs(seed: int, tokens: str = "0" * 64) -> SequencesInputs:
    rules = {"packing": "best_fit", "long_documents": "split", "group_documents_max": 9}
    told = {"configuration": {**rules, "seed": seed, "pad_id": 0}, "tokens_fingerprint": tokens}
    return SequencesInputs.model_validate(told)


def token_inputs(inventory: list[list[str | int]], **changed: Any) -> TokensInputs:
    columns = {"input_format": "jsonl", "text_column": "text", "id_column": None}
    ids = {"eos_id": 0, "bos_id": None, "control_tokens": "text", "max_document_bytes": 99}
    return TokensInputs.model_validate(
        {
            "configuration": {**columns, **ids, **changed},
            "tokenizer_sha256": hashlib.sha256(b"tokenizer.json").hexdigest(),
            "inventory": inventory,
        }
    )


def tokens_manifest(inputs: TokensInputs, *names: str) -> dict[str, Any]:
    """The JSON of the manifest of a token store of these files."""
    head = {"format_version": 1, "kind": "tokens", "bucket": "b", "seq_len": None}
    files = [entry(name).as_json() for name in names]
    return {**head, "fingerprint": "ab" * 32, "inputs": inputs.as_json(), "files": files, **_TOKENS}


def finish(made: Version, *names: str, lock: Lock = HELD) -> None:
    """Complete a version of files that hold their own names."""
    own = [] if made.home.seq_len else ["tokenizer.json"]
    for name in (*names, *own):
        write(Path(made.directory) / name, name)
    rest = _SEQUENCES if made.home.seq_len else _TOKENS
    publication.complete(made, list(map(entry, names)), lock, **rest)


def entry(name: str) -> FileEntry:
    return FileEntry.model_validate(
        {
            "path": name,
            "kind": name.split("/")[-2],
            "rows": 1,
            "tokens": 8,
            "bytes": len(name),
            "sha256": hashlib.sha256(name.encode()).hexdigest(),
            "ids_sha256": None,
        }
    )


def publish(output: Path, seed: int = 0) -> tuple[Version, Version]:
    """A published token store with a quarantine, and published sequences of it."""
    store = version(output, seed, seq_len=None)
    finish(store, "documents/part-00000-000.parquet", "quarantine/part-00000.parquet")
    made = version(output, seed, tokens=store.fingerprint)
    finish(made, "plan/part-00000.parquet", "shards/part-00000.parquet")
    publication.publish(store)
    publication.publish(made)
    return store, made


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def below(folder: str | Path) -> list[str]:
    found = [p for p in Path(folder).rglob("*") if p.is_file()]
    return sorted(str(p.relative_to(folder)) for p in found)


def run(command: str, output: Path, *more: str) -> Ran:
    """Run a command that starts no Spark."""
    return run_command(command, "--output", output, *more)
