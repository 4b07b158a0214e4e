"""Two states of a small corpus, before and after a night's delivery, in formats of text and of
tokens with loss masks; and what an output holds, read without bfpack."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputs import write_input

WORDS = (
    "some",
    "words",
    "to",
    "learn",
    "and",
    "to",
    "forget",
    "don't",
    "123",
    "été",
    "漢字",
    "x = f(y)\n",
)
BUCKET = "b"
SEQ_LEN = 128


def documents(name: str, number: int) -> list[dict[str, str | None]]:
    """Of 0 to 300 words; one has no text, and goes to quarantine."""
    chosen = random.Random(name)
    texts: list[str | None] = [
        " ".join(chosen.choices(WORDS, k=chosen.randint(0, 300))) for _ in range(number)
    ]
    texts[number // 2] = None
    return [{"id": f"{name}-{place}", "text": text} for place, text in enumerate(texts)]


def write_rows(path: Path, rows: list[Any]) -> None:
    write_input(path, rows, row_group_size=20)


def write_masks(path: Path, rows: list[dict[str, str | None]]) -> None:
    """As many tokens as there are characters. One document of five has no target but late ones, and
    so is set aside where it is truncated."""
    held = []
    for number, row in enumerate(rows):
        length = len(row["text"] or "")
        first = 400 if number % 5 == 0 else 3
        mask = [int(n >= first and n % 7 < 3) for n in range(length)]
        ids = None if row["text"] is None else [2 + n % 200 for n in range(length)]
        held.append({"id": row["id"], "ids": ids, "mask": mask})
    write_rows(path, held)


FORMATS = {"jsonl": ("jsonl", write_rows), "gzip": ("jsonl.gz", write_rows)}
FORMATS |= {"parquet": ("parquet", write_rows), "masks": ("parquet", write_masks)}
MASKS = ("--tokens-column", "ids", "--loss-mask-column", "mask", "--max-quarantined", 0.4)
RULES = ("--long-documents", "truncate_turns", "--align", 8, "--max-documents", 4)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Two folders of input: `new` has the files of `old`, one of them changed, and one more."""

    old: Path
    new: Path
    options: tuple[object, ...] = ()  # that pack needs for this format


def deliver(folder: Path, form: str) -> Delivery:
    """Files of one format; those that both hold have the same times."""
    ending, write = FORMATS[form]
    options = (*MASKS, *RULES) if form == "masks" else ()
    delivery = Delivery(old=folder / "old", new=folder / "new", options=options)
    for name in ("a", "c"):
        write(delivery.old / f"{name}.{ending}", documents(name, 40))
    shutil.copytree(delivery.old, delivery.new)
    write(delivery.new / f"b.{ending}", documents("b", 40))
    write(delivery.new / f"c.{ending}", documents("changed", 30))
    for path in folder.rglob(f"*.{ending}"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return delivery


Published = dict[str, str]


def published(output: Path) -> dict[str, Published]:
    """By place, what its pointer names, by paths and hashes: pointer, manifest, every file that
    this lists. All hashes are those of the disk, and those that manifest and pointer say."""
    return {
        str(pointer.parent.relative_to(output)): dict(_named_by(pointer))
        for pointer in sorted(output.glob("*/*/_current.json"))
    }


def _named_by(pointer: Path) -> Iterator[tuple[str, str]]:
    told = json.loads(pointer.read_bytes())
    assert _sha256(pointer.parent / told["manifest"]) == told["manifest_sha256"]
    yield pointer.name, _sha256(pointer)
    yield from _version((pointer.parent / told["manifest"]).parent)


def _version(directory: Path) -> Iterator[tuple[str, str]]:
    raw = (directory / "_manifest.json").read_bytes()
    yield f"{directory.name}/_manifest.json", hashlib.sha256(raw).hexdigest()
    manifest: dict[str, Any] = json.loads(raw)
    assert manifest["files"]
    for entry in manifest["files"]:
        digest = _sha256(directory / entry["path"])
        assert digest == entry["sha256"], entry["path"]
        yield f"{directory.name}/{entry['path']}", digest
    if manifest["kind"] == "sequences":
        tokens = manifest["inputs"]["tokens_fingerprint"][:16]
        yield from _version(directory.parent.parent / "tokens" / tokens)
    else:
        yield f"{directory.name}/tokenizer.json", _sha256(directory / "tokenizer.json")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
