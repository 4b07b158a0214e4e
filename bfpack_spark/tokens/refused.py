"""What became of the documents that came in. They are counted where they are read, and added up for
the accounting.

For each reason: the number of documents, the bytes of their text, and the place of the first one,
which a line to the user names.
"""

import collections
from typing import Any

import pyarrow as pa

from bfpack_spark.schema import Reason

Places = dict[str, str]  # reason -> file and place of its first document


class Refused:
    """The documents of one task that are not in the token store."""

    def __init__(self) -> None:
        self._documents: collections.Counter[str] = collections.Counter()
        self._bytes: collections.Counter[str] = collections.Counter()
        self._places: Places = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count TOKENIZED rows that have a reason."""
        columns = (batch.column(name).to_pylist() for name in ("reason", "source", "num_bytes"))
        for reason, source, num_bytes in zip(*columns, strict=True):
            self._documents[reason] += 1
            self._bytes[reason] += num_bytes
            self._places.setdefault(reason, source)

    def counts(self) -> dict[str, Any]:
        """Return the counts as they stand in a message: `reasons`, `refused_bytes` and `places`."""
        return {
            "reasons": dict(self._documents),
            "refused_bytes": dict(self._bytes),
            "places": self._places,
        }


def account_documents(messages: list[dict[str, Any]], num_inserted: int) -> dict[str, Any]:
    """Return the accounting of all partitions, from their messages. num_inserted: number of EOS and
    BOS tokens that each document gets.

    bytes_in is the text that came in, as UTF-8. A document of ready tokens counts 4 bytes a token,
    a null document 0, and what gave no text counts as its line or file. bytes_quarantined is the
    part of bytes_in that is in quarantine, by reason.
    """
    entries = [entry for said in messages for entry in said["files"]]
    documents = sum(e["rows"] for e in entries if e["kind"] == "documents")
    refused = _sum(messages, "reasons")
    empty = refused.pop(Reason.EMPTY, 0)
    refused_bytes = _sum(messages, "refused_bytes")
    refused_bytes.pop(Reason.EMPTY, 0)
    return {
        "documents_in": documents + empty + refused.total(),
        "documents": documents,
        "documents_empty": empty,
        "documents_quarantined": dict(refused),
        "bytes_in": sum(said["num_bytes"] for said in messages),
        "bytes_quarantined": dict(refused_bytes),
        "tokens": sum(e["tokens"] for e in entries),
        "tokens_inserted": documents * num_inserted,
    }


def first_places(messages: list[dict[str, Any]]) -> Places:
    """Return the place of the first document of each reason, in the order of the tasks. Empty
    documents are left out."""
    found: Places = {}
    for said in messages:
        found = said["places"] | found
    found.pop(Reason.EMPTY, None)
    return found


def _sum(messages: list[dict[str, Any]], name: str) -> collections.Counter[str]:
    total: collections.Counter[str] = collections.Counter()
    for said in messages:
        total.update(said[name])
    return total
