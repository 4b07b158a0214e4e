"""Corpora of this machine's own text, of any size, and a tokenizer trained on it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCRIPTS = Path(__file__).resolve().parent.parent
WHOLE_MB = {"code": 400, "prose": 200}

Text: TypeAlias = Literal["code", "prose"]


def sized_corpus(work: Path, size_mb: int, text: Text, largest_mb: int) -> Path:
    """So much text, as a part of the largest that is measured; of prose, more than a machine has is
    the same documents over and over, by other ids."""
    there = largest_mb if text == "code" else WHOLE_MB["prose"]
    if size_mb <= there:
        return make_corpus(work, size_mb, text, there)
    folder = work / f"{text}-{size_mb}"
    if not folder.exists():
        _write_copies(make_corpus(work, there, text), folder, size_mb // there)
    return folder


def make_corpus(work: Path, size_mb: int, text: Text = "code", of_mb: int | None = None) -> Path:
    """So much of this machine's text: every n-th document of a corpus of `of_mb`, so that smaller
    and larger ones are alike (the script takes sources first, and then what else there is)."""
    whole_mb = max(size_mb, of_mb or WHOLE_MB[text])
    whole = work / f"{text}-{whole_mb}"
    if not whole.exists():
        maker = [sys.executable, SCRIPTS / "make_corpus.py", "--output", whole]
        size = ["--size-mb", str(whole_mb), "--min-documents", "1"]
        kind = ["--prose"] if text == "prose" else []
        subprocess.run([*map(str, maker), *size, *kind], check=True)
    if size_mb == whole_mb:
        return whole
    part = work / f"{text}-{size_mb}-of-{whole_mb}"
    if not part.exists():
        _write_part(whole, part, size_mb / whole_mb)
    return part


def _write_part(whole: Path, part: Path, share: float) -> None:
    with _written_whole(part) as folder:
        for path in sorted(whole.glob("*.parquet")):
            table = pq.read_table(path)
            reached = np.floor(np.arange(len(table) + 1) * share)
            chosen = table.filter(pa.array(np.diff(reached) > 0))
            pq.write_table(chosen, folder / path.name, row_group_size=256)


def _write_copies(whole: Path, corpus: Path, copies: int) -> None:
    with _written_whole(corpus) as folder:
        for path in sorted(whole.glob("*.parquet")):
            table = pq.read_table(path)
            for number in range(copies):
                doc_id = pc.binary_join_element_wise(table.column("doc_id"), str(number), "~")
                copy = table.set_column(0, "doc_id", doc_id)
                pq.write_table(copy, folder / f"{number}-{path.name}", row_group_size=256)


@contextmanager
def _written_whole(corpus: Path) -> Iterator[Path]:
    """Where to write it; it has its name when all is there."""
    unfinished = corpus.with_name(f".{corpus.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    yield unfinished
    unfinished.rename(corpus)


def text_tokenizer(work: Path) -> Path:
    """A byte-level BPE of 16k entries, trained on this machine's own text."""
    folder = work / "tokenizer"
    if not folder.exists():
        trainer = [sys.executable, SCRIPTS / "train_tokenizer.py"]
        where = ["--corpus", make_corpus(work, 24), "--output", folder]
        subprocess.run([str(part) for part in (*trainer, *where)], check=True)
    return folder
