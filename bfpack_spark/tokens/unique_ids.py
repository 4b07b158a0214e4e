"""Whether each id names one document; if not, where in the input the documents with one id are."""

from pyspark.sql import SparkSession

from bfpack_spark.core.tasks import TASKS
from bfpack_spark.errors import InputError
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.tokens.find_repeated_ids import find_repeated_ids
from bfpack_spark.tokens.source import Source


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
