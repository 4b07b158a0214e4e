"""Token stores and corpora of generated documents, for what depends on lengths and not on text.

Lengths are log-normal like RefinedWeb's (packers.draw_lengths). Ids of documents are those that a
corpus without an id column gets: file and row.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from commands import BUCKET, flags
from packers import MEAN_TOKENS

from bfpack_spark.core.fragments import Int64
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import TOKENS
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import TokensConfiguration, TokensInputs
from bfpack_spark.versions.manifests import FileEntry
from bfpack_spark.versions.publication import Home, Version

VOCABULARY = 1 << 16
_EOS = VOCABULARY
FILE_TOKENS = 1 << 25  # as the token store's writer cuts files and row groups
_FILE_ROWS = round(FILE_TOKENS / MEAN_TOKENS)
_GROUP_ROWS = round((1 << 20) / MEAN_TOKENS)
_GROUP_TOKENS = 1 << 22


def store_of_lengths(output: Path, lengths: Int64) -> None:
    """A published token store without tokens: all that `bfpack plan` reads, at 30 bytes a
    document."""
    version = Version(home=Home(output=str(output), bucket=BUCKET), inputs=_inputs())
    entries = [
        _write_lengths(version.directory, number, lengths[first : first + _FILE_ROWS])
        for number, first in enumerate(range(0, len(lengths), _FILE_ROWS))
    ]
    (Path(version.directory) / "tokenizer.json").write_text(_tokenizer_json())
    totals = {"documents": len(lengths), "tokens": int(lengths.sum())}
    accounting = {
        **totals,
        "documents_in": len(lengths),
        "documents_empty": 0,
        "documents_quarantined": {},
        "tokens_inserted": len(lengths),
    }
    special = {"vocabulary_size": _EOS + 1, "eos_id": _EOS, "bos_id": None, "own_pad_id": None}
    facts = {"totals": totals, "accounting": accounting, "tokenizer": special}
    with hold_bucket(str(output), BUCKET) as lock:
        publication.complete(version, entries, lock, **facts)
        publication.publish(version)


def _inputs() -> TokensInputs:
    configuration = TokensConfiguration(
        input_format="jsonl",
        text_column="text",
        id_column=None,
        eos_id=_EOS,
        bos_id=None,
        control_tokens="text",
        max_document_bytes=1 << 28,
    )
    sha256 = hashlib.sha256(_tokenizer_json().encode()).hexdigest()
    return TokensInputs(configuration=configuration, tokenizer_sha256=sha256, inventory=[])


def corpus_of_tokens(
    folder: Path, lengths: Int64, *, num_files: int = 4, stretch: np.ndarray | None = None
) -> list[str]:
    """Parquet of (doc_id, tokens), and the options that read it. Ids are random, or those of one
    stretch over and over, so that a document is made at the speed of memory."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(num_files):
        own = np.asarray(lengths[number::num_files], dtype=np.int64)
        with pq.ParquetWriter(folder / f"part-{number:05d}.parquet", _CORPUS) as writer:
            for first, part in _row_groups(own):
                size = int(part.sum())
                ids = random_ids(generator, size) if stretch is None else np.resize(stretch, size)
                writer.write_table(_documents(number, first, part, ids))
    tokenizer = folder.with_name(f"{folder.name}-tokenizer")
    tokenizer.mkdir()
    (tokenizer / "tokenizer.json").write_text(_tokenizer_json())
    return flags(input=folder, tokenizer=tokenizer, id_column="doc_id", tokens_column="ids")


_CORPUS = pa.schema([("doc_id", pa.string()), ("ids", pa.binary())])


def _row_groups(lengths: Int64) -> Iterator[tuple[int, Int64]]:
    """Stretches of about _GROUP_TOKENS tokens, each with the number of its first document."""
    group = np.cumsum(lengths) // _GROUP_TOKENS
    first = 0
    for part in np.split(lengths, np.flatnonzero(np.diff(group)) + 1):
        yield first, part
        first += len(part)


def random_ids(generator: np.random.Generator, size: int) -> np.ndarray:
    return generator.integers(0, VOCABULARY, size, dtype=np.int32)


def _documents(file: int, first: int, lengths: Int64, ids: np.ndarray) -> pa.Table:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths * 4, out=offsets[1:])
    raw = [None, pa.py_buffer(offsets), pa.py_buffer(ids)]
    tokens = pa.Array.from_buffers(pa.binary(), len(lengths), raw)
    return pa.table([doc_ids(file, first, len(lengths)), tokens], schema=_CORPUS)


def doc_ids(file: int, first: int, count: int) -> pa.Array:
    """part-00003.parquet#17: 25 bytes in the mean of a million."""
    rows = pa.array(np.arange(first, first + count)).cast(pa.string())
    return pc.binary_join_element_wise(f"part-{file:05d}.parquet", rows, "#")


def _write_lengths(root: str, file: int, lengths: Int64) -> FileEntry:
    name = f"documents/part-{file:05d}-000.parquet"
    output = ParquetOutput(root, name, TOKENS, statistics=["length"])
    for first in range(0, len(lengths), _GROUP_ROWS):
        part = lengths[first : first + _GROUP_ROWS]
        columns = [
            doc_ids(file, first, len(part)),
            pa.array(part, pa.int32()),
            pa.repeat(pa.scalar(b""), len(part)),
        ]
        output.write(pa.table(columns, names=TOKENS.names))
    return FileEntry(**output.close("documents", int(lengths.sum()), None))


def _tokenizer_json() -> str:
    """As much of a tokenizer.json as ready tokens need: ids, and the name of EOS."""
    vocab = {str(number): number for number in range(VOCABULARY)}
    eos = {"id": _EOS, "content": "<|endoftext|>", "special": True}
    return json.dumps({"model": {"vocab": vocab}, "added_tokens": [eos]})
