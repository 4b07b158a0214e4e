"""Where a document went: found in the plan, beside what the shards hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from outputs import current, segments, shard_rows


def segments_of(version: Path, doc_id: str) -> list[dict[str, int]]:
    """Where shards hold a document, in its order."""
    held = [(row["sequence_id"], one) for row in shard_rows(version) for one in segments(row)]
    return [
        {"sequence_id": number, "offset": one.offset, "start": one.start, "length": len(one.ids)}
        for number, one in sorted(held, key=lambda pair: pair[1].start)
        if one.doc_id == doc_id
    ]


@pytest.mark.parametrize("longest", [True, False])
def test_a_document_is_found_where_the_shards_hold_it(
    longest: bool, packed: Path, bfpack: Run
) -> None:
    version = current(packed, "small", "sequences-512")
    lengths = {
        doc_id: length
        for row in shard_rows(version)
        for doc_id, length in zip(row["doc_ids"], row["doc_lengths"], strict=True)
        if doc_id is not None
    }
    doc_id = (max if longest else min)(lengths, key=lambda name: lengths[name])
    where = ("--output", packed, "--bucket", "small", "--seq-len", 512, "--seq-len", 2048)
    ran = bfpack("show", *where, "--doc", doc_id, "--json")
    first, second = json.loads(ran.out)
    assert (first["seq_len"], second["seq_len"]) == (512, 2048)
    assert first["fragments"] == segments_of(version, doc_id)
    assert (len(first["fragments"]) > 1) == longest
    assert sum(f["length"] for f in second["fragments"]) == first["num_tokens"] == lengths[doc_id]
    said = bfpack("show", *where, "--doc", doc_id).out.splitlines()
    assert len(said) == 2 + len(first["fragments"]) + len(second["fragments"])
    assert f"document {doc_id}: {lengths[doc_id]:,} tokens, in " in said[0]
    last = first["fragments"][-1]
    assert said[len(first["fragments"])].endswith(f" of sequence {last['sequence_id']}")


def test_it_says_why_a_document_is_in_no_sequence(run: Run, bfpack: Run, tmp_path: Path) -> None:
    rows: list[Any] = [{"doc_id": f"d{n}", "text": "a word " * 5 * n} for n in range(1, 30)]
    rows.append({"doc_id": "bad", "text": 7})
    where = ("--output", tmp_path / "output", "--bucket", "b", "--seq-len", 64)
    options = ("--id-column", "doc_id", "--max-quarantined", 1)
    assert run(rows, *options, "--long-documents", "drop").code == 0
    assert bfpack("show", *where, "--doc", "d29").out.endswith(
        "tokens, in no sequence, by --long-documents drop: longer than seq_len\n"
    )
    quarantined = bfpack("show", *where, "--doc", "bad").out
    assert "document bad: not tokenized; quarantined as not_text at a.jsonl@" in quarantined
    assert quarantined.rstrip().endswith("; repair or remove them")
    says = "has no document of this id; check the id (the first one is d1)\n"
    assert says in bfpack("show", *where, "--doc", "gone").err
    assert run(rows, *options, "--long-documents", "truncate").code == 0
    *_, kept, left = bfpack("show", *where, "--doc", "d29").out.splitlines()
    assert kept.startswith("  tokens 0:64 at [0:64] of sequence ")
    assert left.endswith(" tokens left out, by --long-documents truncate")


def test_how_many_documents_had_no_text_is_said_where_an_id_is_not_known(
    run: Run, bfpack: Run, tmp_path: Path
) -> None:
    rows: list[Any] = [{"doc_id": f"d{n}", "text": "a word" * (n > 2)} for n in range(9)]
    assert run(rows, "--id-column", "doc_id").code == 0
    shown = bfpack("show", "--output", tmp_path / "output", "--bucket", "b", "--doc", "d1")
    assert shown.code == 2
    assert shown.err.rstrip().endswith(
        "check the id (the first one is d3); 3 documents of the bucket had no text, and this may "
        "be the id of one, since such ids are kept nowhere"
    )


def test_either_a_sequence_or_a_document_is_shown(packed: Path, bfpack: Run) -> None:
    where = ("--output", packed, "--bucket", "small", "--seq-len", 512)
    for more in ((), ("--sequence", 0, "--doc", "a")):
        ran = bfpack("show", *where, *more)
        ran.refuses("give either --sequence N, to see a sequence, or --doc ID")
