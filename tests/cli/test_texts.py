"""What becomes of odd texts, and of engines that fail, by the whole command."""

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cli.commands import GOOD, error_of, results
from conftest import Corpus, Run
from outputs import current, documents_of, manifest, read, shard_rows
from pyspark.sql import DataFrame

from bfpack_spark.tokenizing.engines import EngineName, load_engine
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.vocabulary import Vocabulary
from bfpack_spark.tokens import files_source
from bfpack_spark.tokens.tokenize_text import tokenize_text


def test_empty_documents_are_left_out_and_bad_ones_quarantined(run: Run, tmp_path: Path) -> None:
    odd = {
        b'{"doc_id": "e", "text": ""}': ("e", "empty"),
        b'{"doc_id": "n", "text": null}': ("n", "null_text"),
        b'{"doc_id": "x", "text": 5}': ("x", "not_text"),
        b'{"doc_id": "l", "text": "%s"}' % (b"x" * 900): ("l", "too_large"),
        b'{"doc_id": "u", "text": "\xff"}': ("u", "invalid_utf8"),
        b'{"doc_id": "s", "text": "\\ud800"}': ("s", "lone_surrogate"),
        b'{"doc_id": "b", "te': (None, "broken_line"),
        b'{"doc_id": "c", "text": "a <|pad|>"}': ("c", "control_token"),
    }
    more = ("--max-document-bytes", 800, "--id-column", "doc_id", "--control-tokens", "quarantine")
    says = error_of(run([*GOOD, *odd], *more))
    assert says.startswith("--max-quarantined 0.01: 14.89% of the documents are in quarantine (1 b")
    assert "repair the input or raise the limit" in says
    (made,) = results(tmp_path / "output")  # the tokens' manifest stands, nothing is published
    assert re.fullmatch(r"b/tokens/[0-9a-f]{16}/_manifest\.json", made)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*.parquet")}
    assert len(before) >= 2
    assert run([], *more, "--max-quarantined", 7 / 47).code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    store = current(tmp_path / "output", "b", "tokens")
    account = manifest(store)["accounting"]
    refused = {reason: doc_id for doc_id, reason in odd.values() if reason != "empty"}
    assert account["documents_quarantined"] == dict.fromkeys(refused, 1)
    assert account["documents_in"] == len(GOOD) + 8
    assert (account["documents"], account["documents_empty"]) == (len(GOOD), 1)
    rows = read(store / "quarantine")
    assert {row["reason"]: row["doc_id"] for row in rows} == refused
    lines = (tmp_path / "corpus" / "a.jsonl").read_bytes()
    for row in rows:
        name, _, place = row["source"].partition("@")
        line = lines[int(place) :].partition(b"\n")[0]
        assert (name, odd[line]) == ("a.jsonl", (row["doc_id"], row["reason"]))
        assert row["detail"]
    packed = shard_rows(current(tmp_path / "output", "b", "sequences-64"))
    assert sorted(documents_of(packed)) == sorted(str(row["doc_id"]) for row in GOOD)


def test_engines_that_disagree_in_the_job_fail_it_and_publish_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the driver they agree; in the workers the fast one is wrong about one document."""

    def load(name: EngineName, vocabulary: Vocabulary) -> Any:
        engine = load_engine(name, vocabulary)

        def wrong(texts: list[str]) -> Any:
            ids, lengths = engine.encode(texts)
            return ids + np.repeat([t.count(" ") == 14 for t in texts], lengths), lengths

        return SimpleNamespace(encode=wrong) if name == "fastokens" else engine

    def faulty(splits: DataFrame, spec: TokenizeSpec, read: Any, write: Any) -> DataFrame:
        return tokenize_text(splits, dataclasses.replace(spec, load=load), read, write)

    options = ("--id-column", "doc_id", "--engine", "fastokens")
    with monkeypatch.context() as patch:
        patch.setattr(files_source, "tokenize_text", faulty)
        says = error_of(run(GOOD, *options, "--audit-share", 1.0), 5)
    place = sum(len(json.dumps(row)) + 1 for row in GOOD[:6])
    assert says.startswith(f"document d7 (a.jsonl@{place}): fastokens and tokenizers disagree at ")
    assert says.endswith("; use --engine tokenizers")
    assert results(tmp_path / "output") == []
    assert run([], *options, "--audit-share", 1.0).code == 0  # mended, it goes on in place
    version = current(tmp_path / "output", "b", "tokens")
    assert len(list((version / "documents").iterdir())) == len(manifest(version)["files"]) > 0


def test_an_engine_that_cannot_do_it_is_not_a_mistake_of_the_input(
    run: Run, demo_corpus: Corpus, tmp_path: Path
) -> None:
    tree = json.loads((demo_corpus.tokenizer / "tokenizer.json").read_bytes())
    tree["pre_tokenizer"] = {"type": "Whitespace"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree))
    more = ("--tokenizer", tmp_path / "tokenizer.json", "--engine")
    says = error_of(run(GOOD, *more, "fastokens"), 5)
    assert says.startswith("--engine fastokens: fastokens cannot load it: ")
    assert results(tmp_path / "output") == []
    assert run([], *more, "auto").code == 0
