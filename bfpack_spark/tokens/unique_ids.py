"""Whether each id names one document; if not, where in the input the documents with one id are."""

import functools
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.tasks import TASKS
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.spark.messages import collect_messages, message
from bfpack_spark.spark.partitions import files_frame, rows_of
from bfpack_spark.tokens.find_repeated_ids import find_repeated_ids
from bfpack_spark.tokens.source import Source

_LARGEST = 1 << 20  # bytes of a line that is parsed; a larger document is not found


def check_unique(spark: SparkSession, source: Source, paths: list[str], num_documents: int) -> None:
    """Raise InputError, which names ids and their places in the input, if an id in the files at
    `paths` occurs twice. These are the files of documents and of the quarantine."""
    sources = files_frame(spark, {"ids": paths})
    messages = collect_messages(find_repeated_ids(sources, num_documents))
    assert len(messages) == TASKS.num_id_parts(num_documents), "a part of the ids was not counted"
    repeated = sorted(told for said in messages for told in said["repeated"])[:5]
    if not repeated:
        return
    pairs = source.places_of(spark, [doc_id for doc_id, _ in repeated])
    named = "; ".join(
        f"{doc_id!r} ({times} times{_at([place for own, place in pairs if own == doc_id])})"
        for doc_id, times in repeated
    )
    raise InputError(f"--id-column: documents share ids: {named}; {source.how_ids_differ()}")


def _at(places: list[str]) -> str:
    return f": {', '.join(places[:3])}" if places else ""


def find_ids(
    splits: DataFrame, input_format: str, columns: Columns, ids: Sequence[str]
) -> DataFrame:
    """Find the documents of files that have one of a few ids. In: splits of the files. Out: a
    message a partition: `places`, pairs of an id and a file and place. It takes a pass
    over the input."""
    look = functools.partial(_look, input_format=input_format, columns=columns, ids=ids)
    return splits.mapInArrow(look, spark_ddl(MESSAGES))


def _look(
    batches: Iterator[pa.RecordBatch], *, input_format: str, columns: Columns, ids: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    splits = [Split(**row) for row in rows_of(batches)]
    wanted = set(ids)
    places = [
        (doc_id, source)
        for documents in read_documents(splits, input_format, columns, _LARGEST)
        for doc_id, source in zip(documents.doc_id, documents.source, strict=True)
        if doc_id in wanted
    ]
    yield message({"places": places})
