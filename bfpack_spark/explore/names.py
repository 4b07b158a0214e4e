"""The names of Python that one sequence uses and another binds: what a cut takes away."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from bfpack_spark.core.fragments import Int64
from bfpack_spark.explore.sequence import Piece, Segment, Sequence
from bfpack_spark.files.stored_parquet import rows_of_documents
from bfpack_spark.tokenizing.mentions import TokenPlaces
from bfpack_spark.tokenizing.python_names import Reference, python_references
from bfpack_spark.tokens.stored_ids import IDS_OF_ROWS, ids_of_row
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.publication import Home


@dataclass(frozen=True, kw_only=True)
class NameOutOfSight:
    """A use of a name in a segment whose binding is in another sequence."""

    name: str
    kind: str  # of the binding
    character: int  # where it is used, in the text of the segment
    used: int  # token of the document
    bound: int  # token of the document
    sequence_id: int | None  # that holds the binding; None: it is left out


@dataclass(frozen=True, kw_only=True)
class NamedSegment:
    """The names of one segment of a sequence."""

    segment: Segment
    text: str  # of the document, as far as it is in the segment
    is_python: bool
    num_uses: int  # of names that are bound before
    out_of_sight: tuple[NameOutOfSight, ...]


def names_of(
    output: str | Path, sequence: Sequence, version: str | None = None
) -> list[NamedSegment]:
    """Return the names of each segment that is a part of a document. Of whole documents all names
    are in sight. `version` is that of the sequence."""
    output = str(output)
    home = Home(output=output, bucket=sequence.bucket, seq_len=sequence.seq_len)
    _, manifest = publication.current_sequences(home, version)
    store = open_token_store(output, sequence.bucket, manifest.tokens_version)
    cut = [segment for segment in sequence.segments if segment.is_cut and segment.doc_id]
    engine = Tokenizer.from_str(store.tokenizer_json().decode())
    documents = _texts(store, engine, sorted({segment.doc_id or "" for segment in cut}))
    places = TokenPlaces(engine, None, int(store.tokenizer.bos_id is not None))
    return [_names(own, documents[own.doc_id or ""], places) for own in cut]


def _texts(store: TokenStore, engine: Tokenizer, doc_ids: Rows[str]) -> dict[str, str]:
    """Return the texts of documents, decoded from all their tokens."""
    inserted = {store.tokenizer.eos_id, store.tokenizer.bos_id}
    rows = rows_of_documents(store.paths, doc_ids, IDS_OF_ROWS) if doc_ids else []
    texts = {}
    for row in rows:
        ids = ids_of_row(row).tolist()
        first, last = int(ids[0] in inserted), len(ids) - int(ids[-1] in inserted)
        texts[row["doc_id"]] = engine.decode(ids[first:last], skip_special_tokens=False)
    return texts


def _names(segment: Segment, text: str, places: TokenPlaces) -> NamedSegment:
    starts = places.starts(text)
    start = segment.doc_start or 0
    begin, end = (
        _character(token - places.num_before, starts, text) for token in (start, segment.doc_end)
    )
    references = python_references(text)
    inside = [one for one in references or [] if begin <= one.used < end]
    return NamedSegment(
        segment=segment,
        text=text[begin:end],
        is_python=references is not None,
        num_uses=len(inside),
        out_of_sight=tuple(
            _out_of_sight(one, begin, segment.elsewhere, places, starts)
            for one in inside
            if not begin <= one.told < end
        ),
    )


def _character(token: int, starts: Int64, text: str) -> int:
    """Return the first character of a token of the text, or its end."""
    return int(starts[max(token, 0)]) if token < len(starts) else len(text)


def _out_of_sight(
    one: Reference, begin: int, elsewhere: Rows[Piece], places: TokenPlaces, starts: Int64
) -> NameOutOfSight:
    bound, used = places.tokens(np.array([one.told, one.used]), starts).tolist()
    holding = (p.sequence_id for p in elsewhere if p.start <= bound < p.start + p.length)
    return NameOutOfSight(
        name=one.name,
        kind=one.kind,
        character=one.used - begin,
        used=used,
        bound=bound,
        sequence_id=next(holding, None),
    )
