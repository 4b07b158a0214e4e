"""The text of a bucket is looked at before the work begins."""

from dataclasses import replace

from bfpack_spark.buckets.find_slices import FindSlice
from bfpack_spark.buckets.slices import Slice, columns_of
from bfpack_spark.config import Settings
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import check_apart
from bfpack_spark.errors import InputError
from bfpack_spark.files.check_output import check_output
from bfpack_spark.spark.frames import check_frame
from bfpack_spark.tokenizing.vocabulary import Vocabulary, pad_id
from bfpack_spark.tokens.files_source import FilesSource
from bfpack_spark.tokens.frame_source import PLACE, FrameSource
from bfpack_spark.tokens.source import Source
from bfpack_spark.versions.publication import Home


def look_at(settings: Settings, bucket: str, find: FindSlice, vocabulary: Vocabulary) -> Source:
    """Return the text of a bucket, ready to be read. Raise InputError for the mistakes of the user
    that can be found before the work begins."""
    home = Home(output=settings.need("output"), bucket=bucket)
    slice_ = find()
    if slice_.frame is None:
        check_apart(settings.need("input"), slice_.inventory, home.output)
    if settings.pad_token is not None:  # raises before the work, not after
        pad_id(vocabulary.json, None, vocabulary.eos_id, settings.pad_token)
    check_output(home.output, home.bucket)
    columns = columns_of(settings, slice_, bucket)
    if slice_.frame is None:
        check_columns(slice_.inventory, columns)
    return source_of(slice_, home, columns, vocabulary)


def source_of(slice_: Slice, home: Home, columns: Columns, vocabulary: Vocabulary) -> Source:
    """Return the text of a slice. Raise InputError if a table or frame lacks a column, or has it in
    a type that cannot be read."""
    inventory = slice_.inventory
    if slice_.frame is None:
        return FilesSource(
            home=home,
            inventory=inventory,
            columns=columns,
            vocabulary=vocabulary,
        )
    frame = slice_.frame
    check_frame(frame.rows, columns, frame.name)
    if columns.doc_id is None:
        if frame.place is None:
            raise InputError(
                f"--id-column is missing: a row of {frame.name} has no place to name it by; name "
                "the column that holds the id of a document"
            )
        frame = replace(frame, rows=frame.rows.withColumn(PLACE, frame.place))
        columns = replace(columns, doc_id=PLACE)
    return FrameSource(
        home=home, inventory=inventory, columns=columns, vocabulary=vocabulary, frame=frame
    )
