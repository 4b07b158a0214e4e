"""Where a document went: its fragments in the sequences, or why it is in none."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.errors import InputError
from bfpack_spark.files.stored_parquet import open_own_parquet, rows_of_documents
from bfpack_spark.printable import counted
from bfpack_spark.tokenizing.remedies import remedy_of
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home

_REFUSED = ("source", "reason", "detail")


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """The tokens start .. start + length of a document, and where they lie in a sequence. The BOS
    before a fragment that goes on is not counted."""

    sequence_id: int
    offset: int  # the first token of the fragment in its sequence
    start: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Where a document of a bucket is at a seq_len."""

    bucket: str
    seq_len: int
    doc_id: str
    num_tokens: int | None  # of the whole document; None: it was not tokenized
    fragments: tuple[Fragment, ...]  # in the order of the document
    long_documents: LongDocuments  # the policy, by which tokens may be left out
    quarantined: str | None = None  # if it was refused: reason, place, what exactly

    @property
    def num_left_out(self) -> int:
        """Return how many of its tokens are in no sequence."""
        spans = [(each.start, each.start + each.length) for each in self.fragments]
        return (self.num_tokens or 0) - num_covered(spans)


def num_covered(spans: Iterable[tuple[int, int]]) -> int:
    """Return how many tokens lie in any of the spans from start to end: [0, 5], [3, 8] -> 8."""
    covered, reached = 0, 0
    for start, end in sorted(spans):
        covered += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return covered


def without_bos(row: dict[str, Any], manifest: SequencesManifest) -> dict[str, Any]:
    """Return a row of the plan whose length, and offset if there is one, leave out the BOS before a
    fragment that goes on."""
    bos = int(manifest.inputs.configuration.bos_at == "fragment" and row["start"] > 0)
    moved = {"offset": row["offset"] + bos} if "offset" in row else {}
    return {**row, "length": row["length"] - bos, **moved}


def _an_id(store: TokenStore) -> str:
    """Return the id of the first document, which shows what ids look like."""
    with open_own_parquet(store.paths[0]) as file:
        first = next(file.iter_batches(batch_size=1, columns=["doc_id"]), None)
    return "" if first is None else f" (the first one is {first['doc_id'][0].as_py()})"


def _without_text(store: TokenStore) -> str:
    """Return that it may be a document without text, or nothing if all had some."""
    empty = store.manifest.accounting.documents_empty
    if not empty:
        return ""
    return (
        f"; {counted(empty, 'document')} of the bucket had no text, and this may be the id of one, "
        "since such ids are kept nowhere"
    )


def _said_of(refused: dict[str, Any], store: TokenStore) -> str:
    exactly = f" ({refused['detail']})" if refused["detail"] else ""
    remedy = remedy_of(refused["reason"], store.manifest.inputs.configuration)
    return f"{refused['reason']} at {refused['source']}{exactly}; {remedy}"


def find_document(
    output: str | Path, bucket: str, seq_len: int, doc_id: str, version: str | None = None
) -> Whereabouts:
    """Return where a document went, from the plan and the token store. One column of their files
    is read for this. Raise InputError if the token store does not know the document."""
    output = str(output)
    home = Home(output=output, bucket=bucket, seq_len=seq_len)
    directory, manifest = publication.current_sequences(home, version)
    plan = [f"{directory}/{entry.path}" for entry in manifest.files_of("plan")]
    store = open_token_store(output, bucket, manifest.tokens_version)
    lengths = rows_of_documents(store.paths, [doc_id], ["length"])
    quarantine = store.paths_of("quarantine")
    refused = [] if lengths else rows_of_documents(quarantine, [doc_id], _REFUSED)
    if not lengths and not refused:
        raise InputError(
            f"--doc {doc_id}: bucket {bucket} has no document of this id; check the id"
            f"{_an_id(store)}{_without_text(store)}"
        )
    columns = ["sequence_id", "offset", "start", "length"]
    fragments = rows_of_documents(plan, [doc_id], columns) if lengths else []
    return Whereabouts(
        bucket=bucket,
        seq_len=seq_len,
        doc_id=doc_id,
        num_tokens=lengths[0]["length"] if lengths else None,
        fragments=tuple(
            Fragment(**without_bos(row, manifest))
            for row in sorted(fragments, key=lambda row: row["start"])
        ),
        long_documents=manifest.inputs.configuration.long_documents,
        quarantined=_said_of(refused[0], store) if refused else None,
    )
