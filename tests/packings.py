"""Packing the small corpus, and reading what came of it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus, Ran, pack_options
from outputs import copy_of, current, manifest
from tokenizers import Tokenizer

from bfpack_spark.spark import partitions

Ids = dict[str, npt.NDArray[np.int32]]


AT = ("--seq-len", 512)


@pytest.fixture(params=["by ids", "by hashes"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How rows find their partitions: as Spark 4.1 and newer can, where this is one, and as all
    can."""
    if request.param == "by hashes":
        monkeypatch.setattr(partitions, "takes_ids", lambda _: False)
    return str(request.param)


@dataclass(frozen=True)
class Packing:
    """An output of a corpus, its bucket at 512."""

    output: Path
    corpus: Corpus
    bfpack: Bfpack

    def pack(self, *more: object) -> Path:
        """Pack the corpus again; the directory of the version."""
        self.try_to_pack(*AT, *more).succeeds()
        return at_512(self.output)

    def try_to_pack(self, *more: object) -> Ran:
        return self.bfpack("pack", *pack_options(self.corpus, self.output), *more)

    def current(self, kind: str = "sequences-512") -> Path:
        return current(self.output, "small", kind)

    def run(self, command: str, *more: object) -> Ran:
        return self.bfpack(command, "--output", self.output, "--bucket", "small", *AT, *more)

    def export(self, form: str) -> Ran:
        return self.bfpack("export", form, "--output", self.output, "--bucket", "small", *AT)

    def problems(self, *more: object) -> list[str]:
        """Return what verify finds."""
        return [v["problem"] for v in self.run("verify", "--json", *more).violations()]

    def check_stats(self, *rules: object) -> None:
        """`bfpack stats`, from lengths alone, says what the manifest says."""
        ((found,),) = (b["at"] for b in json.loads(self.run("stats", *rules, "--json").out))
        found = found["plan"]["accounting"]
        account = manifest(at_512(self.output))["accounting"]
        assert found.pop("overhead") == account["num_sequences"] / account["lower_bound"] - 1
        assert len(found) > 10
        if "concat" in rules:  # it depends on the order of documents, which lengths do not tell
            del found["num_documents_cut"]
        assert found == {name: account[name] for name in found}

    def copy(self, folder: Path) -> "Packing":
        return replace(self, output=copy_of(self.output, folder))


def at_512(output: Path) -> Path:
    return current(output, "small", "sequences-512")


@pytest.fixture
def packing(copied: Path, corpus: Corpus, bfpack: Bfpack) -> Packing:
    """A copy of the packed output, to change it."""
    return Packing(copied, corpus, bfpack)


def expected_documents(corpus: Corpus) -> Ids:
    """Ids of every document by the reference engine, EOS included."""
    tokenizer = Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    eos = tokenizer.token_to_id("<|endoftext|>")
    texts = corpus.texts()
    found = tokenizer.encode_batch_fast(list(texts.values()), add_special_tokens=False)
    return {
        name: np.array([*one.ids, eos], dtype=np.int32)
        for name, one in zip(texts, found, strict=True)
        if one.ids
    }


@pytest.fixture(scope="module")
def expected(corpus: Corpus) -> Ids:
    return expected_documents(corpus)


@dataclass(frozen=True)
class Segments:
    """All segments of a version's rows but padding, in the order they lie; parallel arrays."""

    row: npt.NDArray[np.int64]
    doc_id: npt.NDArray[np.object_]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    doc_length: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]  # in its row
    num_padding: npt.NDArray[np.int64]  # of each row
    ids: npt.NDArray[np.int32]  # of all rows, end to end

    @property
    def end(self) -> npt.NDArray[np.int64]:
        return self.start + self.length


def read_segments(version: Path) -> Segments:
    shards = sorted((version / "shards").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(path) for path in shards])
    assert len(table)
    sequence_ids = table["sequence_id"].to_numpy()
    assert sequence_ids.tolist() == list(range(len(table)))
    seq_len = len(table["input_ids"][0])
    flat = {
        name: table[name].combine_chunks().flatten()
        for name in ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths", "input_ids")
    }
    assert len(flat["input_ids"]) == len(table) * seq_len
    length = flat["seq_lengths"].to_numpy().astype(np.int64)
    begin = np.cumsum(length) - length
    assert set(range(0, len(table) * seq_len, seq_len)) <= set(begin.tolist())
    real = flat["doc_ids"].is_valid().to_numpy(zero_copy_only=False)
    return Segments(
        row=(begin // seq_len)[real],
        doc_id=flat["doc_ids"].drop_null().to_numpy(zero_copy_only=False),
        start=flat["doc_starts"].to_numpy()[real],
        length=length[real],
        doc_length=flat["doc_lengths"].to_numpy()[real],
        offset=(begin % seq_len)[real],
        num_padding=table["num_padding"].to_numpy().astype(np.int64),
        ids=flat["input_ids"].to_numpy(),
    )


def assert_each_token_once(held: Segments, wanted: Ids) -> None:
    """Document by document: the segments follow each other from 0 and hold the wanted ids."""
    assert len(wanted) > 50
    seq_len = len(held.ids) // len(held.num_padding)
    begin = held.row * seq_len + held.offset
    order = np.lexsort((held.start, held.doc_id))
    pieces: dict[str, list[npt.NDArray[np.int32]]] = {}
    reached: dict[str, int] = {}
    for at in order.tolist():
        name, length = held.doc_id[at], int(held.length[at])
        assert held.start[at] == reached.get(name, 0), f"{name}: a token is missing or doubled"
        reached[name] = reached.get(name, 0) + length
        pieces.setdefault(name, []).append(held.ids[begin[at] : begin[at] + length])
    assert pieces.keys() == wanted.keys()
    different = [
        n for n, ids in wanted.items() if not np.array_equal(np.concatenate(pieces[n]), ids)
    ]
    assert not different


def ids_in(path: Path) -> list[str]:
    return pq.read_table(path, columns=["doc_id"])["doc_id"].to_pylist()
