"""What became of the documents that came in, added up from what the workers counted."""

from collections.abc import Sequence
from typing import Any

from bfpack_spark.core.accounting import add_counts
from bfpack_spark.schema import Reason
from bfpack_spark.tokens.token_files import Places
from bfpack_spark.versions.manifests import FileEntry, TokensAccounting


def account_documents(
    messages: Sequence[dict[str, Any]], files: Sequence[FileEntry], num_inserted: int
) -> TokensAccounting:
    """Return the accounting of all partitions, from their messages and files. num_inserted: number
    of EOS and BOS tokens that each document gets.

    bytes_in is the text that came in, as UTF-8. A document of ready tokens counts 4 bytes a token,
    a null document 0, and what gave no text counts as its line or file. bytes_quarantined is the
    part of bytes_in that is in quarantine, by reason.
    """
    counts = add_counts([said["counts"] for said in messages])
    # An empty table gives no messages.
    refused, refused_bytes = (counts.get(f"{of}_by_reason", {}) for of in ("documents", "bytes"))
    empty = refused.pop(Reason.EMPTY, 0)
    refused_bytes.pop(Reason.EMPTY, 0)
    masked = [said["counts"] for said in messages if "targets" in said["counts"]]
    targets = {
        "targets": sum(one["targets"] for one in masked),
        "targets_quarantined": sum(one.get("targets_refused", 0) for one in masked),
        "documents_with_unknown_targets": sum(one.get("targets_unknown", 0) for one in masked),
    }
    inserted = [said["counts"]["inserted"] for said in messages if "inserted" in said["counts"]]
    documents = sum(entry.rows for entry in files if entry.kind == "documents")
    return TokensAccounting(
        documents_in=documents + empty + sum(refused.values()),
        documents=documents,
        documents_empty=empty,
        documents_quarantined=refused,
        bytes_in=counts.get("num_bytes", 0),
        bytes_quarantined=refused_bytes,
        tokens=sum(entry.tokens for entry in files),
        tokens_inserted=sum(inserted) if inserted else documents * num_inserted,
        **(targets if masked else {}),
    )


def first_places(messages: Sequence[dict[str, Any]]) -> Places:
    """Return the place of the first document of each reason, in the order of the tasks. Empty
    documents are left out."""
    places: Places = {}
    for said in messages:
        places = said["places"] | places
    places.pop(Reason.EMPTY, None)
    return places
