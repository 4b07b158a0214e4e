"""Collect real text that every machine has into Parquet files of (doc_id, text).

Sources, typed stubs and documents of Python's library and of the installed packages come first; a
corpus larger than these goes on with every other text file there and under /usr. With --prose it is
documents alone: manuals, licences and the like of all these places. Candidates are ordered by a
hash of their name, so any size is a fair sample of all roots and one machine always gives the same
corpus. A document is a distinct, non-empty UTF-8 file of at most 1 MB.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("doc_id", pa.string()), ("text", pa.string())])
DOCUMENT_BYTES_MAX = 1_000_000
BATCH_DOCUMENTS = 256  # a row group: at most 256 MB, mostly 4 MB
MB = 1_000_000

PROSE_SUFFIXES = frozenset({".md", ".rst", ".txt"})
SOURCE_SUFFIXES = PROSE_SUFFIXES | {".py", ".pyi"}
PROSE_FOLDERS = ("doc", "man", "common-licenses")
DOCUMENT_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "METADATA", "README", "AUTHORS")
SKIPPED_FOLDERS = frozenset({"site-packages", "dist-packages", "__pycache__"})

Document = tuple[str, str]
NamedFile = tuple[str, Path]


def main() -> int:
    """Return the exit code: 2 and one line on stderr when the corpus cannot be made as asked."""
    options = _parse_options()
    try:
        documents, num_bytes = make_corpus(
            options.output,
            prose() if options.prose else candidates(),
            options.size_mb,
            options.min_documents,
            options.files,
        )
    except (OSError, ValueError) as error:
        print(f"make_corpus: {error}", file=sys.stderr)
        return 2
    print(
        f"{options.output}: {documents:,} documents, {num_bytes / MB:.1f} MB of text",
        file=sys.stderr,
    )
    return 0


def make_corpus(
    output: Path, files: Iterable[NamedFile], size_mb: float, min_documents: int, num_files: int
) -> tuple[int, int]:
    """Write the corpus of these files to the new directory `output` in one step; return its
    documents and bytes.

    ValueError when `output` exists, an option is out of range, or the machine has too little text.
    """
    if output.exists():
        raise ValueError(f"{output} exists: remove it, or name another --output")
    if size_mb <= 0 or min_documents < 1 or num_files < 1:
        raise ValueError(
            f"--size-mb {size_mb:g}, --min-documents {min_documents} and --files {num_files} "
            "must all be above 0"
        )
    with new_folder(output) as folder:
        wanted = take_enough(distinct_documents(files), size_mb * MB, min_documents)
        return write_files(wanted, folder, num_files)


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yield a folder that becomes `output` in one step when all is written."""
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def candidates() -> Iterator[NamedFile]:
    """Files worth a look with their document names: the Python sources first, then the rest."""
    yield from _in_fixed_order(_python_roots(), _is_source_or_document)
    yield from _in_fixed_order(_wide_roots(), lambda path: not _is_source_or_document(path))


def prose() -> Iterator[NamedFile]:
    """Files that people read, of all places."""
    return iter(_in_fixed_order(_wide_roots(), _is_prose))


def _python_roots() -> dict[str, Path]:
    stdlib, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    return {"stdlib": stdlib, "site-packages": packages}


def _wide_roots() -> dict[str, Path]:
    return _python_roots() | {
        "base-packages": Path(sysconfig.get_path("stdlib")) / "site-packages",
        "lib-python3": Path("/usr/lib/python3"),
        "include": Path("/usr/include"),
        "share": Path("/usr/share"),
    }


def distinct_documents(files: Iterable[NamedFile]) -> Iterator[Document]:
    """Each text once, under the first name that holds it."""
    seen: set[bytes] = set()
    for doc_id, path in files:
        text = read_text(path)
        if not text:
            continue
        digest = hashlib.sha256(text.encode()).digest()
        if digest not in seen:
            seen.add(digest)
            yield doc_id, text


def read_text(path: Path) -> str | None:
    """Text of a file, unpacked if it is .gz; None if it is unreadable, too large or not text."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(DOCUMENT_BYTES_MAX + 1)
        text = content.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return None
    return text if len(content) <= DOCUMENT_BYTES_MAX and "\0" not in text else None


def take_enough(
    documents: Iterable[Document], min_bytes: float, min_documents: int
) -> Iterator[Document]:
    """Documents up to `min_bytes` and `min_documents`; ValueError when there are not as many."""
    num_documents = num_bytes = 0
    for document in documents:
        yield document
        num_documents += 1
        num_bytes += len(document[1].encode())
        if num_bytes >= min_bytes and num_documents >= min_documents:
            return
    raise ValueError(
        f"asked for {min_bytes / MB:g} MB and {min_documents:,} documents, but this machine has "
        f"{num_bytes / MB:.1f} MB in {num_documents:,} distinct texts: ask for less"
    )


def write_files(documents: Iterable[Document], folder: Path, num_files: int) -> tuple[int, int]:
    """Deal the documents out to `num_files` files in turn, a row group at a time in memory."""
    writers = [
        pq.ParquetWriter(folder / f"part-{number:05d}.parquet", SCHEMA, compression="zstd")
        for number in range(num_files)
    ]
    pending: list[list[Document]] = [[] for _ in writers]
    num_documents = num_bytes = 0
    for document in documents:
        turn = num_documents % num_files
        pending[turn].append(document)
        num_documents += 1
        num_bytes += len(document[1].encode())
        if len(pending[turn]) == BATCH_DOCUMENTS:
            _write_row_group(writers[turn], pending[turn])
            pending[turn] = []
    for writer, rest in zip(writers, pending, strict=True):
        _write_row_group(writer, rest)
        writer.close()
    return num_documents, num_bytes


def _write_row_group(writer: pq.ParquetWriter, documents: list[Document]) -> None:
    if documents:
        doc_ids, texts = zip(*documents, strict=True)
        writer.write_table(pa.table([pa.array(doc_ids), pa.array(texts)], schema=SCHEMA))


def _in_fixed_order(roots: dict[str, Path], accept: Callable[[Path], bool]) -> list[NamedFile]:
    named = (
        (f"{label}/{path.relative_to(root).as_posix()}", path)
        for label, root in roots.items()
        for path in _regular_files(root)
        if accept(path)
    )
    # A name that is not UTF-8 cannot be a doc_id.
    valid = (pair for pair in named if not any("\ud800" <= c <= "\udfff" for c in pair[0]))
    return sorted(valid, key=lambda pair: hashlib.sha256(pair[0].encode()).digest())


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
        for name in names:
            path = Path(folder, name)
            is_file = path.is_file() and not path.is_symlink()
            if is_file and 0 < path.stat().st_size <= DOCUMENT_BYTES_MAX:
                yield path


def _is_source_or_document(path: Path) -> bool:
    return path.suffix in SOURCE_SUFFIXES or path.name.startswith(DOCUMENT_NAMES)


def _is_prose(path: Path) -> bool:
    named = path.suffix in PROSE_SUFFIXES or path.name.startswith(DOCUMENT_NAMES)
    return named or not {*path.parts}.isdisjoint(PROSE_FOLDERS)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="directory to create")
    parser.add_argument("--size-mb", type=float, default=24, help="at least so much (default 24)")
    parser.add_argument("--prose", action="store_true", help="documents alone, no sources")
    parser.add_argument(
        "--min-documents", type=int, default=3000, help="at least so many (default 3000)"
    )
    parser.add_argument("--files", type=int, default=8, help="Parquet files (default 8)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
