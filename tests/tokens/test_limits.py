"""How large a document may be: the same for both engines, or the version says what differs."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus
from inputs import write_input
from outputs import current, manifest, read
from tokens.worker import EOS, Worker, ids


@pytest.mark.parametrize("engine", ["fastokens", "tokenizers"])
def test_a_stretch_without_a_place_to_cut_is_refused_by_both_engines(
    engine: str, worker: Worker
) -> None:
    limit = (1 << 20) + 100  # a text is cut at the first place behind a mebibyte
    long = "x" * (limit + 1)
    texts = ["some words " * 200_000, long, f"some {long} words", long[1:]]
    name = worker.write_lines(*({"text": text} for text in texts))
    more = {"max_uncut_bytes": limit, "max_document_bytes": 4 << 20}
    found = worker.run(name, engine=engine, **more)
    assert [row["reason"] for row in found] == [None, "uncut", "uncut", None]
    says = f"{limit + 1} bytes without a place to cut at, limit {limit}"
    assert found[1]["detail"] == says
    assert ids(found[0]) == [*worker.known(texts[0]), EOS]


def test_the_reference_takes_a_long_text_that_can_be_cut(
    demo_corpus: Corpus,
    bfpack: Bfpack,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No letter stands right before a blank in the second text, so it has no place to cut."""
    held = {"cut": "word " * (9 << 18), "uncut": "w. " * (3 << 20), "short": "word"}
    rows = ({"id": name, "text": text} for name, text in held.items())
    path = write_input(tmp_path / "a.jsonl", rows)

    def tokenize(engine: str) -> dict[str, Any]:
        where = ("--input", path, "--id-column", "id")
        what = ("--tokenizer", demo_corpus.tokenizer, "--engine", engine, "--max-quarantined", 1)
        output = ("--output", tmp_path / "output", "--bucket", "b")
        with caplog.at_level("INFO", logger="bfpack"):
            caplog.clear()
            ran = bfpack("tokenize", *where, *what, *output)
        assert ran.code == 0, ran.err
        return manifest(current(tmp_path / "output", "b", "tokens"))

    slow = tokenize("tokenizers")
    assert "taken has 268,435,456 bytes, and at most 8,388,608 without a place" in caplog.text
    assert "1 documents were refused, because the engine takes at most 8,388,608" in caplog.text
    assert slow["accounting"]["documents_quarantined"] == {"uncut": 1}
    (row,) = read(current(tmp_path / "output", "b", "tokens") / "quarantine")
    assert (row["doc_id"], row["reason"]) == ("uncut", "uncut")
    fast = tokenize("fastokens")
    assert "were refused" not in caplog.text
    assert fast["accounting"]["documents_quarantined"] == {}
    assert fast["fingerprint"] != slow["fingerprint"]
    told = {name: made["inputs"]["configuration"] for name, made in (("f", fast), ("s", slow))}
    assert told["s"] == told["f"] | {"max_uncut_bytes": 8 << 20}
    lengths = [
        {row["doc_id"]: row["length"] for row in read(path)}
        for path in sorted((tmp_path / "output/b/tokens").glob("*/documents"))
    ]
    one, other = sorted(lengths, key=len)
    assert one == {name: length for name, length in other.items() if name != "uncut"}
