"""Inputs and outputs of any name, several inputs, and what of them is left out, from end to end."""

import bz2
import json
import logging
import lzma
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Bfpack, Corpus
from outputs import current, documents_of, manifest, shard_rows

AT = ("--bucket", "b", "--seq-len", 64)
# Each begins and ends with what a URI, a pattern or a shell would make something of.
OUTPUTS = ("%41 ts=2024-01-01 00%3A00?#", "#é:x/c:[x] {a,b} x*d?")


def line(doc_id: str) -> bytes:
    return (json.dumps({"id": doc_id, "text": f"text of document {doc_id}"}) + "\n").encode()


@dataclass(frozen=True)
class Packed:
    """Two inputs packed to an output of a name that is hard to take for a name."""

    inputs: tuple[Path, Path]
    output: Path

    @property
    def where(self) -> tuple[object, ...]:
        return ("--output", self.output, *AT)

    @property
    def source(self) -> tuple[object, ...]:
        return tuple(part for path in self.inputs for part in ("--input", path))


@pytest.fixture(scope="module", params=OUTPUTS)
def packed_there(
    request: pytest.FixtureRequest,
    demo_corpus: Corpus,
    bfpack: Bfpack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Packed:
    folder = tmp_path_factory.mktemp("inputs")
    one, two = folder / "a%41, one#?", folder / "two"
    for path, raw in {
        one / "a%41.jsonl": line("percent"),
        one / "aA.jsonl": line("capital"),
        one / "q?x=1#h é:.jsonl": line("many"),
        two / "D.JSONL": line("d"),
        two / "b.jsonl.bz2": bz2.compress(line("b")),
        two / "c.jsonl.xz": lzma.compress(line("c")),
        two / "README.md": b"about these files\n",
        two / "x.parquet.tmp": b"",
    }.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
    packed = Packed((one, two), folder / request.param)
    where = (*packed.where, "--tokenizer", demo_corpus.tokenizer, "--id-column", "id")
    bfpack("pack", *packed.source, *where).succeeds()
    return packed


def test_two_inputs_of_any_names_are_packed_and_what_is_left_out_is_said(
    packed_there: Packed,
) -> None:
    rows = shard_rows(current(packed_there.output, "b", "sequences-64"))
    ids = {"percent", "capital", "many", "b", "c", "d"}
    assert documents_of(rows).keys() == ids
    tokens = manifest(current(packed_there.output, "b", "tokens"))
    assert tokens["left_out"] == [
        {"name": "README.md", "reason": "text by its ending"},
        {"name": "x.parquet.tmp", "reason": "no known ending"},
    ]
    names = [name for name, *_ in tokens["inputs"]["inventory"]]
    one = [path.name for path in packed_there.inputs[0].iterdir()]
    assert names == sorted([*one, "D.JSONL", "b.jsonl.bz2", "c.jsonl.xz"])
    report = current(packed_there.output, "b", "sequences-64") / "report" / "report.html"
    assert "Visible in the input and left out: 2 files" in report.read_text()


def test_every_command_finds_an_output_of_any_name(packed_there: Packed, bfpack: Bfpack) -> None:
    ran = bfpack("verify", *packed_there.where, *packed_there.source).succeeds()
    assert "6 documents equal their text tokenized anew" in ran.out
    ran = bfpack("path", *packed_there.where)
    shards = current(packed_there.output, "b", "sequences-64") / "shards"
    assert (ran.code, ran.out) == (0, f"{shards}\n")
    ran = bfpack("show", *packed_there.where, "--sequence", 0, "--json")
    assert (ran.code, json.loads(ran.out)["bucket"]) == (0, "b")
    ran = bfpack("stats", "--output", packed_there.output, "--seq-len", 64, "--json")
    assert (ran.code, json.loads(ran.out)[0]["num_documents"]) == (0, 6)
    bfpack("snapshot", "kept", "--output", packed_there.output).succeeds()
    bfpack("prune", "--output", packed_there.output, "--yes").succeeds()
    assert shards.exists()


def test_the_same_again_is_nothing_to_do_whatever_the_order_of_the_inputs(
    packed_there: Packed, bfpack: Bfpack, demo_corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    turned = [x for path in reversed(packed_there.inputs) for x in ("--input", path)]
    where = (*packed_there.where, "--tokenizer", demo_corpus.tokenizer, "--id-column", "id")
    with caplog.at_level(logging.INFO, "bfpack"):
        assert bfpack("pack", *turned, *where).code == 0
    assert any("tokens: nothing to do" in said for said in caplog.messages)
    (left_out,) = (said for said in caplog.messages if "left out" in said)
    assert "README.md (text by its ending), x.parquet.tmp (no known ending)" in left_out
