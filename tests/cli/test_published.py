"""What a run prints: from which version to which `current` moved and why, and what was left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ran, Run

ROWS: list[Any] = [{"doc_id": f"d{n:02d}", "text": "a word " * 5 * n} for n in range(1, 30)]
BAD = [{"doc_id": "bad", "text": 7}, {"doc_id": "worse", "text": None}]
EMPTY = {"doc_id": "empty", "text": ""}
LENIENT = ("--id-column", "doc_id", "--max-quarantined", 1)


def packed(run: Run, *more: object) -> Ran:
    return run([*ROWS, *BAD, EMPTY], *LENIENT, *more).succeeds()


def version_in(line: str) -> str:
    """out/b/sequences-64/VERSION/shards at its end."""
    return line.split("/")[-2]


def test_settings_that_go_back_say_that_current_moved(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    lines = {}
    for policy in ("split", "drop"):
        first, *lines[policy] = packed(run, "--long-documents", policy).out.splitlines()
        lines[policy].append(version_in(first))
    assert f"  current was {lines['split'][-1]} (long_documents split -> drop)" in lines["drop"]
    caplog.clear()
    back = packed(run, "--long-documents", "split")
    was = f"  current was {lines['drop'][-1]} (long_documents drop -> split)"
    assert was in back.out.splitlines()
    assert caplog.text.count("sequences of 64: nothing to do") == 1
    assert caplog.text.count("sequences of 64: current was ") == 1
    assert "current was" not in packed(run, "--long-documents", "split").out


def test_a_file_that_is_gone_is_named_where_an_earlier_result_is_taken(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packed(run)
    more = tmp_path / "corpus" / "b.jsonl"
    more.write_text('{"doc_id": "new", "text": "more words"}\n')
    assert "1 file new (b.jsonl)" in packed(run).out
    more.unlink()
    caplog.clear()
    back = packed(run)
    assert "tokens: nothing to do" in caplog.text
    assert "1 file gone (b.jsonl)" in back.out.splitlines()[-1]
    assert "tokens: current was " in caplog.text


def test_what_was_left_out_is_named_with_its_share(run: Run) -> None:
    printed = packed(run, "--long-documents", "drop").out.splitlines()
    assert [line for line in printed[1:] if "current was" not in line] == [
        "  23 documents, 95.0 % of the tokens, dropped: longer than seq_len "
        "(--long-documents drop)",
        "  2 documents quarantined (not_text 1, null_text 1)",
        "  1 document without text",
    ]
    printed = packed(run, "--long-documents", "truncate").out.splitlines()
    assert printed[1].startswith("  the ends of 23 documents, ")
    assert printed[1].endswith(" of the tokens, left out (--long-documents truncate)")
    (row,) = json.loads(packed(run, "--long-documents", "split", "--json").out)
    assert row["accounting"]["num_documents_quarantined"] == {"not_text": 1, "null_text": 1}
    assert row["current_was"] == version_in(printed[0])
    assert row["changes"] == ["long_documents truncate -> split"]
