"""The audit, control tokens and very large documents, through the worker's own function."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Corpus, Ran
from outputs import current, manifest, plan_rows

from bfpack_spark.errors import JobError
from bfpack_spark.stages.tokenize_text import TokenizeTask, _tokenize_splits
from bfpack_spark.storage.documents import Columns
from bfpack_spark.tokenizing import engines
from bfpack_spark.tokenizing.vocabulary import load_vocabulary


def tokenize(corpus: Corpus, path: Path, policy: Any, share: float = 0.0) -> list[dict[str, Any]]:
    raw = (corpus.tokenizer / "tokenizer.json").read_bytes()
    task = TokenizeTask(
        input_format="text",
        columns=Columns(content="text", doc_id=None),
        vocabulary=load_vocabulary(raw, {}, eos_token=None, bos_token=None, control_tokens=policy),
        engine="fastokens",
        max_document_bytes=1000,
        audit_share=share,
    )
    split = {"task": 0, "name": path.name, "path": str(path), "start": 0, "end": 1}
    batches = iter([pa.RecordBatch.from_pylist([split])])
    return [row for batch in _tokenize_splits(batches, task=task) for row in batch.to_pylist()]


def test_control_tokens_in_text_are_text_or_refused_or_allowed(
    demo_corpus: Corpus, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x<|endoftext|>")
    (as_text,), (refused,), (allowed,) = (
        tokenize(demo_corpus, path, policy) for policy in ("text", "quarantine", "allow")
    )
    assert refused["reason"] == "control_token"
    assert refused["detail"] == "<|endoftext|> at character 1"
    assert as_text["length"] > allowed["length"] == 3
    assert allowed["tokens"][4:8] == allowed["tokens"][8:12]


def test_the_audit_names_the_document_on_which_engines_disagree(
    demo_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("some words")
    assert tokenize(demo_corpus, path, "text", 1.0)[0]["reason"] is None
    right = engines._Fastokens.encode

    def wrong(self: Any, texts: list[str]) -> Any:
        ids, lengths = right(self, texts)
        return (ids + 1).astype(np.int32), lengths

    monkeypatch.setattr(engines._Fastokens, "encode", wrong)
    with pytest.raises(JobError, match=r"document a\.txt .* disagree at token 0"):
        tokenize(demo_corpus, path, "text", 1.0)
    assert tokenize(demo_corpus, path, "text", 0.0)[0]["reason"] is None


def test_a_document_of_64_mb_is_packed_whole(
    demo_corpus: Corpus, bfpack: Callable[..., Ran], tmp_path: Path
) -> None:
    text = "".join(f"line {n} of a long file\n" for n in range(100_000))
    path = tmp_path / "corpus" / "big.txt"
    path.parent.mkdir()
    path.write_text(text * (-(-(64 << 20) // len(text))))
    assert path.stat().st_size >= 64 << 20
    where = ("--input", path.parent, "--output", tmp_path / "output", "--bucket", "b")
    ran = bfpack("pack", *where, "--tokenizer", demo_corpus.tokenizer, "--seq-len", 8192)
    assert ran.code == 0, ran.err
    version = current(tmp_path / "output", "b", "sequences-8192")
    rows = sorted(plan_rows(version), key=lambda row: row["start"])
    tokens = manifest(version)["accounting"]["num_tokens"]
    assert tokens > 10**7
    assert [row["start"] for row in rows] == list(range(0, tokens, 8192))
    assert sum(row["length"] for row in rows) == tokens
    assert {row["doc_id"] for row in rows} == {"big.txt"}
    ran = bfpack("verify", *where[2:], "--seq-len", 8192)
    assert ran.code == 0, ran.out
