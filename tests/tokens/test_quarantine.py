"""What may be in quarantine: a share of documents and of bytes, of the whole and of what is new."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus, Ran, Run
from inputs import write_input
from outputs import current, manifest


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack tokenize` of tmp_path/corpus."""
    (tmp_path / "corpus").mkdir()
    where = ("--input", tmp_path / "corpus", "--output", tmp_path / "output", "--bucket", "b")

    def tokenize(*more: object) -> Ran:
        what = ("--tokenizer", demo_corpus.tokenizer, "--engine", "tokenizers")
        return bfpack("tokenize", *where, *what, *more)

    return tokenize


def lines(*texts: str) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def good(count: int) -> bytes:
    return lines(*(f"text of document {n}" for n in range(count)))


def put(tmp_path: Path, name: str, held: bytes) -> None:
    (tmp_path / "corpus" / name).write_bytes(held)


def published(tmp_path: Path) -> dict[str, Any]:
    return manifest(current(tmp_path / "output", "b", "tokens"))


def written(tmp_path: Path) -> dict[str, int]:
    """When each file of documents and of quarantine was written."""
    return {str(path): path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*.parquet")}


def test_a_broken_night_among_good_ones_fails_until_the_limit_is_raised(
    run: Run, tmp_path: Path
) -> None:
    put(tmp_path, "monday.jsonl", good(1200))
    assert run().code == 0
    before = published(tmp_path)
    put(tmp_path, "tuesday.jsonl", b"broken\n" * 10)
    says = (
        "--max-quarantined 0.01: 100.00% of the documents that are new are in quarantine "
        "(10 broken_line from tuesday.jsonl@0 on); see"
    )
    for _ in range(2):  # the second run finds the version complete
        run().refuses(says)
        assert published(tmp_path) == before
    files = written(tmp_path)
    assert run("--max-quarantined", 0.5).code == 2
    assert run("--max-quarantined", 1).code == 0
    assert written(tmp_path) == files  # nothing was tokenized again
    assert published(tmp_path)["accounting"]["documents_quarantined"] == {"broken_line": 10}


def test_what_was_never_published_stays_new(run: Run, tmp_path: Path) -> None:
    put(tmp_path, "monday.jsonl", good(1200))
    assert run().code == 0
    put(tmp_path, "tuesday.jsonl", b"broken\n" * 10)
    assert run().code == 2
    put(tmp_path, "wednesday.jsonl", good(90))
    assert "10.00% of the documents that are new are in quarantine" in run().err
    assert run("--max-quarantined", 0.1).code == 0
    put(tmp_path, "thursday.jsonl", good(1))  # what was published is new no more
    run().succeeds()
    assert published(tmp_path)["increment"]["accounting"]["documents_in"] == 1
    assert published(tmp_path)["first_places"] == {"broken_line": "tuesday.jsonl@0"}


def test_few_documents_may_not_be_most_of_the_bytes(run: Run, tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", lines(*["x" * 10] * 99, "y" * 1010))
    more = ("--max-document-bytes", 1000)
    place = 99 * len(lines("x" * 10))
    run(*more, "--max-quarantined", 0.5).refuses(
        "--max-quarantined 0.5: 50.50% of the bytes of text are in quarantine "
        f"(1,010 bytes too_large from a.jsonl@{place} on); see"
    )
    assert run(*more, "--max-quarantined", 0.51).code == 0
    accounting = published(tmp_path)["accounting"]
    assert (accounting["bytes_in"], accounting["bytes_quarantined"]) == (2000, {"too_large": 1010})


def test_new_bytes_are_judged_by_themselves(run: Run, tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", lines(*["x" * 1000] * 10))
    more = ("--max-document-bytes", 1000, "--max-quarantined", 0.1)
    assert run(*more).code == 0
    put(tmp_path, "b.jsonl", lines(*["x" * 10] * 9, "y" * 1001))
    run(*more).refuses("91.75% of the bytes of text that are new are in quarantine (1,001 bytes")


def test_the_line_gives_the_three_most_frequent_reasons_with_a_place_each(
    run: Run, tmp_path: Path
) -> None:
    broken = b'{"text": null}\n' + b"{\n" * 3 + b'{"text": 5}\n' * 2 + b'{"text": "\\ud800"}\n'
    put(tmp_path, "a.jsonl", broken + good(1))
    assert (
        "(3 broken_line from a.jsonl@15 on, 2 not_text from a.jsonl@21 on, 1 lone_surrogate from "
        "a.jsonl@45 on, and 1 for other reasons)"
    ) in run().err
    put(tmp_path, "a.jsonl", broken)
    ran = run()
    assert ran.code == 2
    assert "not one document with text in 7 (3 broken_line from a.jsonl@15 on, " in ran.err
    assert "; nothing to pack; the first broken_line (Expecting property name " in ran.err
    assert ran.err.endswith("): repair or remove them\n")


def test_what_is_wrong_with_the_first_is_said_with_its_remedy(run: Run, tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", lines("a <|endoftext|> b", "<|endoftext|>") + good(9))
    for _ in range(2):  # the second run finds the version complete
        ran = run("--control-tokens", "quarantine")
        assert ran.code == 2
        assert ran.err.endswith(
            "; the first control_token (<|endoftext|> at character 2): --control-tokens text reads "
            "such words as plain text\n"
        )


def test_a_refused_store_is_listed_as_one_until_it_is_published(
    run: Run, bfpack: Bfpack, tmp_path: Path
) -> None:
    put(tmp_path, "a.jsonl", b"broken\n" + good(9))
    assert run().code == 2
    keep = ("--output", tmp_path / "output")
    why = "10.00% of the documents are in quarantine, limit 0.01"
    (line,) = bfpack("versions", *keep).out.splitlines()
    assert f": refused ({why}); made " in line
    (row,) = json.loads(bfpack("versions", *keep, "--json").out)
    assert (row["state"], row["refused"], row["kept"]) == ("refused", why, None)
    assert f"; {why}\n" in bfpack("prune", *keep).out
    assert run("--max-quarantined", 0.1).code == 0
    assert run().code == 2  # it is current nevertheless
    put(tmp_path, "a.jsonl", good(8))
    assert run().code == 0
    states = [row["state"] for row in json.loads(bfpack("versions", *keep, "--json").out)]
    assert sorted(states) == ["complete", "current"]


def test_bytes_are_those_of_the_text_or_of_what_gave_none(run: Run, tmp_path: Path) -> None:
    texts = pa.array([b"\xc3\xa9", b"\xff\xff\xff", None, b""]).view(pa.string())
    pq.write_table(pa.table({"text": texts}), tmp_path / "corpus" / "a.parquet")
    assert run("--max-quarantined", 0.6).code == 0
    accounting = published(tmp_path)["accounting"]
    assert (accounting["bytes_in"], accounting["documents_empty"]) == (5, 1)
    assert accounting["bytes_quarantined"] == {"invalid_utf8": 3, "null_text": 0}


def test_bytes_of_ready_tokens_are_four_each(run: Run, tmp_path: Path) -> None:
    held = [{"ids": [5, 6, 7]}, {"ids": [10**6]}, {"ids": []}, {"ids": None}]
    write_input(tmp_path / "corpus" / "a.jsonl", held)
    run("--tokens-column", "ids").refuses("1 invalid_tokens from a.jsonl@19 on")
    assert run("--tokens-column", "ids", "--max-quarantined", 0.5).code == 0
    accounting = published(tmp_path)["accounting"]
    assert accounting["documents_quarantined"] == {"invalid_tokens": 1, "null_text": 1}
    counted = [accounting[name] for name in ("documents", "documents_empty", "tokens")]
    assert (counted, accounting["bytes_in"]) == ([1, 1, 4], 16)
    assert accounting["bytes_quarantined"] == {"invalid_tokens": 4, "null_text": 0}


def test_a_version_whose_bytes_were_not_counted_is_built_upon(run: Run, tmp_path: Path) -> None:
    put(tmp_path, "monday.jsonl", good(100))
    assert run().code == 0
    version = current(tmp_path / "output", "b", "tokens")
    old = manifest(version)
    del old["increment"], old["first_places"]
    del old["accounting"]["bytes_in"], old["accounting"]["bytes_quarantined"]
    raw = json.dumps(old, indent=1, sort_keys=True).encode()
    (version / "_manifest.json").write_bytes(raw)
    assert run().code == 0  # nothing to do
    put(tmp_path, "tuesday.jsonl", b"broken\n" + good(3))
    assert "25.00% of the documents that are new" in run().err
    assert run("--max-quarantined", 0.25).code == 0
    accounting = published(tmp_path)["accounting"]
    assert accounting["documents_in"] == 104
    assert "bytes_in" not in accounting  # of the whole nobody knows it
    assert published(tmp_path)["increment"]["accounting"]["bytes_in"] > 7
