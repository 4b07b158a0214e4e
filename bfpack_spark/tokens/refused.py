"""The documents that are not in the token store, counted in the worker that reads them.

For each reason: the number of documents, the bytes of their text, and the place of the first one,
which a line to the user names.
"""

from collections import Counter

import pyarrow as pa

Places = dict[str, str]  # reason -> file and place of its first document


class Refused:
    """The documents of one task that are not in the token store."""

    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._places: Places = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count TOKENIZED rows that have a reason."""
        columns = (batch.column(name).to_pylist() for name in ("reason", "source", "num_bytes"))
        for reason, source, num_bytes in zip(*columns, strict=True):
            self._documents[reason] += 1
            self._bytes[reason] += num_bytes
            self._places.setdefault(reason, source)

    @property
    def places(self) -> Places:
        """Return the place of the first document of each reason."""
        return self._places

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the documents and the bytes by reason, as they stand in a message."""
        return {"documents_by_reason": self._documents, "bytes_by_reason": self._bytes}
