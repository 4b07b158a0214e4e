"""Texts that do not give the tokens that were packed."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from inputs import write_input
from outputs import shard_hashes
from tokenizers import Tokenizer
from verifying.broken import Output, pack

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.tokens import files_source

LINES = b'{"doc_id": "a", "text": "%s"}\n{"doc_id": "b", "text": ""}\n' % (b"some words " * 20)


@pytest.mark.parametrize("column", ["text", "tokens"])
def test_a_text_that_is_not_what_was_packed_is_caught(
    column: str, tiny: Output, demo_corpus: Corpus, tmp_path: Path, bfpack: Bfpack
) -> None:
    """One document changed, one added, one removed, in text or in ready tokens."""
    rows, output = pq.read_table(tiny.corpus).to_pylist(), tiny
    if column == "tokens":
        engine = Tokenizer.from_file(str(demo_corpus.tokenizer / "tokenizer.json"))
        for row in rows:
            row["tokens"] = engine.encode(row.pop("text"), add_special_tokens=False).ids
        write_input(tmp_path / "corpus" / "a.parquet", rows)
        where = (tmp_path / "corpus", tmp_path / "output")
        output = pack(bfpack, demo_corpus, *where, "--tokens-column", "tokens")
        assert shard_hashes(output.sequences()) == shard_hashes(tiny.sequences())
        assert output.violations("--input", output.corpus) == []
    change = rows[4][column]
    rows[4][column] = change[:-2] + "z\n" if column == "text" else [change[0] ^ 1, *change[1:]]
    rows.append({"doc_id": "d99", column: change})
    del rows[5]
    write_input(tmp_path / "other" / "a.parquet", rows)
    violations = output.violations("--input", tmp_path / "other")
    problems = {v["document"]: v["problem"] for v in violations if v["document"]}
    assert set(problems) == {"d04", "d05", "d99"}, violations
    assert "anew" in problems["d04"]
    assert "not in the text" in problems["d05"]
    assert "not in the token store" in problems["d99"]


@pytest.fixture
def of_lines(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Output:
    """A file of a document, and one that is empty."""
    path = tmp_path / "lines" / "a.jsonl"
    path.parent.mkdir()
    path.write_bytes(LINES)
    output = pack(bfpack, demo_corpus, path.parent, tmp_path / "output")
    assert output.violations("--input", output.corpus) == []
    return output


def test_a_document_without_tokens_that_does_not_come_again_is_caught(of_lines: Output) -> None:
    """The file is as large as it was, and the line is blank."""
    last = LINES.splitlines()[1]
    (of_lines.corpus / "a.jsonl").write_bytes(LINES.replace(last, b" " * len(last)))
    violations = of_lines.violations("--input", of_lines.corpus)
    named = [(v["invariant"], v["problem"]) for v in violations]
    assert named == [(0, "the text gives 1 documents, accounting.documents_in is 2")]


def test_an_input_that_changes_after_it_was_compared_is_named(
    of_lines: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_at_more(inventory: Inventory) -> None:
        (of_lines.corpus / "a.jsonl").write_bytes(LINES * 2)
        look_again(inventory)

    monkeypatch.setattr(files_source, "look_again", look_at_more)
    ran = of_lines.run("--input", of_lines.corpus)
    ran.refuses("--input: a.jsonl had 276 bytes when it was listed, it has 552; run it", code=5)
