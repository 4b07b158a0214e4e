"""What ab_train.py trains on and asks: documents that look names up, or two buckets of an output.

    Task                  the buckets to read, and the exam
      .exam: Exam         whole documents that nobody trains on, and which of their tokens are asked

A lookup document gives values to some names, and then uses each of them as often, in any order. A
name has a usual value, which it has in half of the documents; a use of another one is a conflict.

    a 7  b 3  c 8   b 3  a 7  a 7  c 8  b 3  c 8  EOS
"""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Int64, cut_documents, cut_stream
from bfpack_spark.core.rows import arrange, rows_per_row_group
from bfpack_spark.core.shuffle import permute
from bfpack_spark.errors import InputError
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.files.stored_parquet import rows_of_documents
from bfpack_spark.reading import PackedSequences, layouts
from bfpack_spark.schema import SEQUENCES, plain
from bfpack_spark.tokenizing.mentions import TokenPlaces
from bfpack_spark.tokenizing.python_names import python_references
from bfpack_spark.tokens.stored_ids import IDS_OF_ROWS, ids_of_row
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions.publication import Home

PACKINGS = ("concat", "best_fit")
PAD, EOS, FIRST = range(3)  # ids of the lookup: names, then values
NAMES = VALUES = 32
LOOKUP_VOCABULARY = FIRST + NAMES + VALUES
HELD_OUT = 20  # of so many documents of an output, one is held out
ASKED = 150  # documents of an exam, at most


@dataclass(frozen=True, kw_only=True)
class Exam:
    """Whole documents in rows, and which of their tokens are asked for: bool [rows, seq_len]."""

    batch: layouts.Batch
    asked: dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all arms of a seed train on and are asked."""

    output: str
    buckets: dict[str, str]  # by packing
    seq_len: int
    vocabulary: int
    exam: Exam
    is_held_out: Callable[[str | None], bool] | None = None  # of a doc_id; None: no document is


def lookup_task(output: str, seq_len: int, num_tokens: int, seed: int, uses: int = 2) -> Task:
    """Write documents of this many tokens to OUTPUT, packed both ways, and return the task. Each
    name is used `uses` times. Raise InputError if no document of two names fits."""
    least = 4 * (1 + uses) + 1
    if seq_len < least:
        raise InputError(f"--seq-len {seq_len}: two names, used {uses} times, need {least} or more")
    generator = np.random.default_rng(seed)
    usual = generator.integers(VALUES, size=NAMES)
    documents, reached = [], 0
    while reached < num_tokens:
        documents.append(lookup_document(generator, usual, seq_len, uses)[0])
        reached += len(documents[-1])
    named = {str(number): ids for number, ids in enumerate(documents)}
    for packing in PACKINGS:
        home = Home(output=output, bucket=packing, seq_len=seq_len)
        write_bucket(home, packing, named, tokens_fingerprint="0" * 64)
    asked = [lookup_document(generator, usual, seq_len, uses) for _ in range(ASKED)]
    conflict, other = ([kinds == kind for _, kinds in asked] for kind in (2, 1))
    return Task(
        output=output,
        buckets={packing: packing for packing in PACKINGS},
        seq_len=seq_len,
        vocabulary=LOOKUP_VOCABULARY,
        exam=exam_of([ids for ids, _ in asked], {"conflicts": conflict, "usual": other}, seq_len),
    )


def lookup_document(
    generator: np.random.Generator, usual: Int64, seq_len: int, uses: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a document that fits, and of each of its ids: 2, it is the value of a use that is in
    conflict; 1, of another use; 0, neither."""
    names_max = min((seq_len - 1) // (2 + 2 * uses), NAMES)
    num_names = int(2 * (names_max / 2) ** generator.random())  # log-uniform: most are short
    names = generator.permutation(NAMES)[:num_names]
    values = generator.integers(VALUES, size=len(names))
    values = np.where(generator.random(len(names)) < 0.5, usual[names], values)
    defined = np.arange(num_names)
    used = np.concatenate([defined, generator.permutation(np.repeat(defined, uses))])
    ids = np.stack([FIRST + names[used], FIRST + NAMES + values[used]], axis=1).reshape(-1)
    kinds = np.zeros_like(ids)
    kinds[2 * len(names) + 1 :: 2] = (1 + (values != usual[names]))[used[len(names) :]]
    return np.append(ids, EOS).astype(np.int32), np.append(kinds, 0)


def exam_of(
    documents: Sequence[np.ndarray], asked: dict[str, list[np.ndarray]], seq_len: int
) -> Exam:
    """Return whole documents in rows. `asked` flags the ids of each document."""
    batch, *flags = (packed(held, "best_fit", seq_len) for held in (documents, *asked.values()))
    rows = {name: own["input_ids"] > 0 for name, own in zip(asked, flags, strict=True)}
    return Exam(batch=batch, asked=rows)


def packed(documents: Sequence[np.ndarray], packing: str, seq_len: int) -> layouts.Batch:
    """Return all rows as one batch, in random order, with the document and start of segments."""
    lengths = np.array([len(ids) for ids in documents])
    if packing == "concat":
        fragments, row = cut_stream(lengths, seq_len)
        key = np.arange(len(row))
    else:
        fragments = cut_documents(lengths, seq_len)
        row, _ = pack(fragments.length, seq_len)
        key = np.random.default_rng(0).permutation(len(row))
    num_rows = int(row.max()) + 1
    row = permute(row, num_rows, seed=0)
    order = arrange(row, fragments.length, key).order
    document, start, length = (
        values[order] for values in (fragments.document, fragments.start, fragments.length)
    )
    pieces = zip(document, start, start + length, strict=True)
    filled = np.bincount(row, weights=fragments.length).astype(np.int64)
    input_ids = np.full((num_rows, seq_len), PAD, dtype=np.int32)
    input_ids[np.arange(seq_len) < filled[:, None]] = np.concatenate(
        [documents[number][begin:end] for number, begin, end in pieces]
    )
    num_segments = np.bincount(row)
    padded = np.flatnonzero(filled < seq_len)
    at = np.cumsum(num_segments)[padded]
    return {
        "input_ids": input_ids,
        "seq_lengths": np.insert(length, at, seq_len - filled[padded]).astype(np.int32),
        "num_segments": (num_segments + (filled < seq_len)).astype(np.int32),
        "is_padding": np.insert(np.zeros(len(row), dtype=bool), at, True),
        "document": np.insert(document, at, -1),
        "start": np.insert(start, at, 0),
    }


def write_bucket(
    home: Home, packing: str, documents: dict[str, np.ndarray], tokens_fingerprint: str
) -> None:
    """Publish documents, by doc_id, as sequences that PackedSequences reads."""
    seq_len = home.seq_len or 0
    batch = packed(list(documents.values()), packing, seq_len)
    names = np.array([*documents, ""], dtype=object)[batch["document"]]
    lengths = np.array([*map(len, documents.values()), 0])[batch["document"]]
    real = ~batch["is_padding"]
    offsets = pa.array(np.concatenate([[0], np.cumsum(batch["num_segments"])]), pa.int32())
    filled = np.add.reduceat(batch["seq_lengths"] * real, offsets[:-1].to_numpy())
    lists = {
        "seq_lengths": batch["seq_lengths"],
        "doc_ids": np.where(real, names, None),
        "doc_starts": batch["start"],
        "doc_lengths": lengths,
    }
    table = pa.table(
        {
            "sequence_id": np.arange(len(filled)),
            "input_ids": list(batch["input_ids"]),
            **{n: pa.ListArray.from_arrays(offsets, pa.array(held)) for n, held in lists.items()},
            "num_tokens": filled,
            "num_padding": seq_len - filled,
            "bucket": [home.bucket] * len(filled),
        }
    ).cast(plain(SEQUENCES))
    fingerprint = sha256(repr((home.bucket, packing)).encode()).hexdigest()
    version = Path(home.directory) / fingerprint[:16]
    version.mkdir(parents=True)
    file = ParquetOutput(str(version), "shards/part-00000.parquet", SEQUENCES)
    step = rows_per_row_group(seq_len, 2)
    for begin in range(0, len(table), step):
        file.write(table.slice(begin, step))
    manifest = {
        "format_version": 2,
        "kind": "sequences",
        "bucket": home.bucket,
        "seq_len": seq_len,
        "fingerprint": fingerprint,
        "files": [file.close("shards", int(filled.sum()), None)],
        "inputs": {
            "configuration": {"packing": packing},
            "tokens_fingerprint": tokens_fingerprint,
        },
        "tokenizer": {"vocabulary_size": LOOKUP_VOCABULARY, "eos_id": EOS, "pad_id": PAD},
        "totals": {"sequences": len(table)},
    }
    raw = json.dumps(manifest).encode()
    (version / "_manifest.json").write_bytes(raw)
    pointer = {
        "version": version.name,
        "manifest": f"{version.name}/_manifest.json",
        "manifest_sha256": sha256(raw).hexdigest(),
    }
    (version.parent / "_current.json").write_text(json.dumps(pointer))


def buckets_task(output: str, buckets: Sequence[str], seq_len: int) -> Task:
    """Return the task of two buckets of one token store, one of which is packed by concat."""
    manifests = [manifest_of(output, bucket, seq_len) for bucket in buckets]
    inputs = [manifest["inputs"] for manifest in manifests]
    packings = [one["configuration"]["packing"] for one in inputs]
    if (
        sorted(packings) != sorted(PACKINGS)
        or inputs[0]["tokens_fingerprint"] != (inputs[1]["tokens_fingerprint"])
    ):
        raise InputError(
            f"--bucket {' --bucket '.join(buckets)}: need the same documents packed by concat and "
            "by best_fit; run bfpack pack twice, once with --packing concat"
        )
    store = open_token_store(output, buckets[0], inputs[0]["tokens_fingerprint"][:16])
    pads = [manifest["tokenizer"]["pad_id"] for manifest in manifests]
    return Task(
        output=output,
        buckets=dict(zip(packings, buckets, strict=True)),
        seq_len=seq_len,
        vocabulary=max(store.tokenizer.vocabulary_size, *(pad + 1 for pad in pads)),
        exam=stored_exam(store, seq_len),
        is_held_out=is_held_out,
    )


def manifest_of(output: str, bucket: str, seq_len: int) -> dict[str, Any]:
    PackedSequences(output, bucket=bucket, seq_len=seq_len)  # or it says what is wrong
    folder = Path(Home(output=output, bucket=bucket, seq_len=seq_len).directory)
    version = json.loads((folder / "_current.json").read_text())["version"]
    return json.loads((folder / version / "_manifest.json").read_text())


def is_held_out(doc_id: str | None) -> bool:
    return doc_id is not None and zlib.crc32(doc_id.encode()) % HELD_OUT == 0


def stored_exam(store: TokenStore, seq_len: int) -> Exam:
    """Return the first documents that are held out and fit, with the tokens of each quarter of the
    row, and those that use a name of Python."""
    table = pa.concat_tables(pq.read_table(p, columns=["doc_id", "length"]) for p in store.paths)
    lengths = zip(table["doc_id"].to_pylist(), table["length"].to_pylist(), strict=True)
    names = [name for name, length in lengths if 1 < length <= seq_len and is_held_out(name)]
    if not names:
        raise InputError(f"{store.directory}: no document that is held out fits into {seq_len}")
    rows = rows_of_documents(store.paths, sorted(names)[:ASKED], IDS_OF_ROWS)
    documents = [ids_of_row(row) for row in rows]
    asked = {"all": [np.arange(len(ids)) > 0 for ids in documents]}
    for begin in range(0, seq_len, seq_len // 4):
        end = begin + seq_len // 4
        inside = [np.isin(np.arange(len(ids)), range(max(begin, 1), end)) for ids in documents]
        asked[f"tokens {begin} to {end - 1}"] = inside
    asked["names"] = [uses_of_names(ids, store) for ids in documents]
    return exam_of(
        documents, {name: own for name, own in asked.items() if any(map(any, own))}, seq_len
    )


def uses_of_names(ids: np.ndarray, store: TokenStore) -> np.ndarray:
    """Return which of a document's ids begin the use of a name that is bound before. There are none
    in what is no Python, or is not tokenized again to the same ids."""
    engine = Tokenizer.from_str(store.tokenizer_json().decode())
    num_before, num_behind = (
        int(own is not None and ids[at] == own)
        for own, at in ((store.tokenizer.bos_id, 0), (store.tokenizer.eos_id, -1))
    )
    inner = ids[num_before : len(ids) - num_behind].tolist()
    text = engine.decode(inner, skip_special_tokens=False)
    uses = np.zeros(len(ids), dtype=bool)
    if engine.encode(text, add_special_tokens=False).ids == inner:
        places = TokenPlaces(engine, None, num_before)
        used = np.array([one.used for one in python_references(text) or ()], dtype=np.int64)
        uses[places.tokens(used, places.starts(text))] = True
    return uses
