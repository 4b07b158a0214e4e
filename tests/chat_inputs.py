"""Conversations as files, and what becomes of them."""

import json
import random
from pathlib import Path
from typing import Any

import chats
import pyarrow.parquet as pq
from conftest import Bfpack
from conversations import BUCKET, Pieces
from outputs import current

from bfpack_spark.tokenizing.outcomes import Targeted
from bfpack_spark.tokenizing.tokenize_conversations import tokenize_conversations

SEQ_LEN = 4096


def write_tokenizer(folder: Path, style: str) -> Path:
    """A tokenizer as people have it: with its template beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    chats.tokenizer(style).save(str(folder / "tokenizer.json"))
    named = {key: value for key, value in chats.companion(style).items() if key != "chat_template"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    (folder / "chat_template.jinja").write_text(chats.source(style), encoding="utf-8")
    return folder


def write_lines(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "a.jsonl").write_text(text, encoding="utf-8")
    return folder


def some_lines(style: str, num: int = 60) -> list[dict[str, Any]]:
    draw = random.Random(style)
    rows = [chats.some_conversation(draw, style) for _ in range(num)]
    return [{"id": f"c{n}", "messages": m, "tools": t} for n, (m, t) in enumerate(rows)]


def options(tmp: Path, style: str, given: Path, *more: object) -> list[object]:
    tokenizer = write_tokenizer(tmp / "tokenizer", style)
    where = ["--input", given, "--tokenizer", tokenizer, "--output", tmp / "out"]
    columns = ["--bucket", BUCKET, "--id-column", "id"]
    return [*where, *columns, "--seq-len", SEQ_LEN, "--max-quarantined", 1, *more]


def pack(bfpack: Bfpack, *given: object) -> Path:
    bfpack("pack", *given).succeeds()
    output = Path(str(given[given.index("--output") + 1]))
    return current(output, BUCKET, f"sequences-{SEQ_LEN}")


def expected(lines: list[dict[str, Any]], style: str) -> tuple[Pieces, dict[str, str]]:
    """Of each conversation, its one piece, or why it is refused."""
    rows = [(line["messages"], line.get("tools")) for line in lines]
    pieces: Pieces = {}
    refused: dict[str, str] = {}
    outcomes = tokenize_conversations(rows, chats.spec_of(style))
    for line, outcome in zip(lines, outcomes, strict=True):
        if not isinstance(outcome, Targeted):
            refused[line["id"]] = outcome.reason
        elif not outcome.loss_mask[1:].any():
            refused[line["id"]] = "no_target"
        else:
            pieces[line["id"]] = [(0, outcome.ids.tolist(), outcome.loss_mask.tolist())]
    return pieces, refused


def refused_of(output: Path) -> dict[str, str]:
    store = current(output, BUCKET, "tokens")
    files = sorted((store / "quarantine").glob("*")) if (store / "quarantine").exists() else []
    return {r["doc_id"]: r["reason"] for f in files for r in pq.read_table(f).to_pylist()}
