"""Reading the corpus in a worker: ranges of Parquet, JSONL and text -> batches of documents."""

from collections.abc import Iterable, Iterator

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import (
    READING,
    Columns,
    Document,
    Documents,
    ReadingSizes,
    batches,
    refuse,
)
from bfpack_spark.corpus.inventory import Inventory, Split
from bfpack_spark.corpus.jsonl import check_lines, read_lines
from bfpack_spark.corpus.parquet import check_parquet, read_parquet
from bfpack_spark.corpus.second_look import unchanged
from bfpack_spark.corpus.shapes import encoding_of
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.schema import Reason


def read_documents(
    splits: Iterable[Split],
    input_format: str,
    columns: Columns,
    max_bytes: int,
    tally: Tally | None = None,
    sizes: ReadingSizes = READING,
) -> Iterator[Documents]:
    """Yield all documents of the splits, in order of file and place. What was read of each file is
    added to the tally. Raises InputError if a file has changed since the inventory was taken."""
    tally = tally or Tally()
    for split in sorted(splits, key=lambda s: (s.name, s.start)):
        with unchanged(split):
            if input_format == "parquet":
                read = read_parquet(split, columns, tally, sizes)
            elif input_format == "jsonl":
                read = batches(read_lines(split, columns, max_bytes, tally), columns, sizes)
            else:
                read = batches(map(_read_text, [split], [max_bytes], [tally]), columns, sizes)
            for documents in read:
                tally.add(split.name, documents=len(documents))
                yield documents
                del documents  # else it would be kept in memory while the next one is made


def check_columns(inventory: Inventory, columns: Columns) -> None:
    """Raise InputError if the first file lacks a column or has it in a type we cannot read."""
    named = columns.by_option
    others = [option for option in named if option != "--text-column"]
    if inventory.format == "text" and others:
        raise InputError(f"plain text has no columns: leave out {', '.join(others)}")
    _check_first(inventory, columns, named)


def check_bucket_column(inventory: Inventory, column: str) -> None:
    """Raise InputError if the first file lacks the column that tells buckets, or if it is plain
    text, which has none."""
    if inventory.format == "text":
        raise InputError(
            f"--bucket-column {column}: plain text has no columns; put the files of each bucket "
            f"into a directory {column}=NAME"
        )
    columns = Columns(content="", doc_id=None, bucket=column)
    _check_first(inventory, columns, {"--bucket-column": column})


def _check_first(inventory: Inventory, columns: Columns, named: dict[str, str]) -> None:
    if inventory.format == "parquet":
        check_parquet(inventory.files[0], named)
    elif inventory.format == "jsonl":
        check_lines(inventory.files[0], columns, named)


def _read_text(split: Split, max_bytes: int, tally: Tally) -> Document:
    document = Document(source=split.name, doc_id=split.name, num_bytes=split.end)
    if split.end > max_bytes:  # its size alone decides, so the file counts as read
        tally.add(split.name, rows=1, num_bytes=split.end)
        return refuse(document, Reason.TOO_LARGE, f"{split.end} bytes, limit {max_bytes}")
    with access.open_binary(split.path) as stream:
        raw = stream.read(max_bytes + 1)  # it may have grown
    tally.add(split.name, rows=1, num_bytes=len(raw))
    shape = encoding_of(raw[:16])
    if shape is not None:
        return refuse(document, Reason.INVALID_UTF8, f"it looks like {shape.looks_like}")
    try:
        document.content = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        refuse(document, Reason.INVALID_UTF8, f"byte {error.start}: {error.reason}")
    return document
