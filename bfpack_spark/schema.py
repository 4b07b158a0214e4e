"""The tables: names, types and meaning. No other part of the package lists columns."""

from typing import Literal, TypeAlias

import pyarrow as pa

# The formats of tables on disk, first the one that is written. The others are read as well.
TOKENS_FORMATS = (2, 1)  # 1 had the ids as int32, which 2 has in two columns
EXPORT_FORMATS = (1,)
ExportFormat: TypeAlias = Literal["megatron", "mds", "bridge"]
SEQUENCES_FORMATS = (2, 1)  # 1 had larger row groups, and nulls for 0 in what padding has


def _field(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning})


# Documents as workers make and compare them. Tokens are BINARY: Spark's array<int> costs the JVM
# 60 % more.
TOKENS = pa.schema(
    [
        _field("doc_id", pa.string(), "unique within the bucket"),
        _field("length", pa.int32(), "tokens, inserted BOS and EOS included"),
        _field("tokens", pa.binary(), "the ids, little-endian int32"),
    ]
)

# How ids lie in the token store and travel to their shards (core/halves.py). A vocabulary of up to
# 2^16 entries has no `high`.
_LOW = _field("low", pa.binary(), "the low 16 bits of the ids, little-endian uint16")
_HIGH = _field("high", pa.binary(), "the bits above, uint8, or uint16 beyond 2^24 entries")


def stored_tokens(num_high: int, *, masks: bool) -> pa.Schema:
    """Return the schema of token files, of ids that take `num_high` bytes above the low 16 bits,
    with loss masks or without."""
    fields = [*(field for field in TOKENS if field.name != "tokens"), _LOW]
    fields += [_HIGH] if num_high else []
    return pa.schema([*fields, _MASK_BYTES] if masks else fields)


QUARANTINE = pa.schema(
    [
        _field("doc_id", pa.string(), "null where it could not be read"),
        _field("source", pa.string(), "file and place: #row, @byte, or the file alone"),
        _field("reason", pa.string(), "one word, see Reason"),
        _field("detail", pa.string(), "what exactly"),
    ]
)

# What tokenize_text makes: one row per document, which is good (reason null) or not (tokens null).
TOKENIZED = pa.schema(
    [
        *TOKENS,
        *(f for f in QUARANTINE if f.name != "doc_id"),
        _field(
            "num_bytes",
            pa.int64(),
            "of the text in UTF-8; of its line or file where no text could be read of it; of ready "
            "tokens 4 each; of null and of no text 0",
        ),
        _field("not_audited", pa.bool_(), "good and drawn for the audit, too large to compare"),
    ]
)

PLAN = pa.schema(
    [
        _field("sequence_id", pa.int64(), "position of the sequence in the dataset"),
        _field("position", pa.int32(), "rank of the fragment in its sequence"),
        _field("offset", pa.int32(), "first token of the fragment, counted in its sequence"),
        _field("doc_id", pa.string(), "the document"),
        _field("start", pa.int64(), "first token of the fragment, counted in its document"),
        _field("length", pa.int32(), "tokens"),
        _field("group", pa.int32(), "the group it was packed in"),
    ]
)

# A fragment on its way to its shard.
SEGMENTS = pa.schema(
    [
        _field("shard", pa.int32(), "number of the shard"),
        *(f for f in PLAN if f.name != "group"),
        _field("doc_length", pa.int64(), "tokens of the whole document"),
        _LOW,
        _HIGH,
    ]
)

# Documents' places and the fragments that need them, on the way to the same worker. Both fill part
# and doc_id. A document also fills file, row and doc_length, and a fragment the other fields.
SOUGHT = pa.schema(
    [
        _field("part", pa.int32(), "where they meet, by a hash of doc_id"),
        _field("file", pa.int32(), "token file, by its place in the manifest"),
        _field("row", pa.int64(), "row in that file"),
        _field("doc_length", pa.int64(), "tokens of the whole document"),
        *(f for f in PLAN if f.name != "group"),
    ]
)

# The result of that: a fragment and where its tokens lie, on the way to the task that cuts it out.
LOCATED = pa.schema(
    [
        _field("task", pa.int32(), "which walks this token file, and maybe others"),
        *(f for f in SOUGHT if f.name not in ("part", "doc_id")),
    ]
)

# A document on the way to its group: by its length, then to the group itself.
HASHED = pa.schema(
    [
        PLAN.field("doc_id"),
        _field("length", pa.int64(), "tokens"),
        _field("doc_hash", pa.int64(), "of doc_id and the seed"),
    ]
)
RANKED = pa.schema([_field("stretch", pa.int32(), "of all documents, longest first"), *HASHED])
GROUPED = pa.schema([PLAN.field("group"), *HASHED])

# How many documents of a bucket have each length, on the way to the driver.
MEASURED = pa.schema(
    [
        _field("part", pa.int32(), "always 0: the counts of all files meet"),
        _field("length", pa.int64(), "tokens"),
        _field("num_documents", pa.int64(), "documents of this length"),
    ]
)

# Documents' ids, on the way to a worker where equal ids would meet.
DEALT_IDS = pa.schema([SOUGHT.field("part"), PLAN.field("doc_id")])

SEQUENCES = pa.schema(
    [
        _field("sequence_id", pa.int64(), "position in the dataset, 0..N-1"),
        _field("input_ids", pa.list_(pa.int32()), "exactly seq_len ids"),
        _field(
            "seq_lengths",
            pa.list_(pa.int32()),
            "lengths of the segments in order, summing to seq_len; padding, if any, is the last, "
            "and with --align also behind others",
        ),
        _field("doc_ids", pa.list_(pa.string()), "document of each segment; null for padding"),
        _field(
            "doc_starts", pa.list_(pa.int64()), "where in its document it starts; 0 for padding"
        ),
        _field("doc_lengths", pa.list_(pa.int64()), "tokens of the whole document; 0 for padding"),
        _field("num_tokens", pa.int32(), "real tokens"),
        _field("num_padding", pa.int32(), "padding, at the end save with --align"),
        _field("bucket", pa.string(), "the bucket"),
    ]
)

# A bucket whose documents tell which of their tokens are targets has one column more: a byte a
# token where tokens are BINARY, and a list in shards.
_MASK_BYTES = _field("loss_mask", pa.binary(), "a byte a token: 1 where it is a target, else 0")
_MASK_VALUES = _field(
    "loss_mask",
    pa.list_(pa.int8()),
    "exactly seq_len values: 1 where the token is a target, 0 elsewhere and on padding",
)


def with_masks(schema: pa.Schema, *, masks: bool) -> pa.Schema:
    """Return TOKENS, TOKENIZED, QUARANTINE, SEGMENTS or SEQUENCES as a bucket has it, with loss
    masks or without. TOKENIZED then also has num_targets and num_inserted, and QUARANTINE has
    num_targets alone."""
    if not masks:
        return schema
    if schema is TOKENIZED:
        return pa.schema([*schema, _MASK_BYTES, _NUM_TARGETS, _NUM_INSERTED])
    if schema is QUARANTINE:
        return pa.schema([*schema, _NUM_TARGETS])
    return pa.schema([*schema, _MASK_VALUES if schema is SEQUENCES else _MASK_BYTES])


_NUM_INSERTED = _field(
    "num_inserted", pa.int64(), "EOS and BOS among the tokens of a good document that we put there"
)
_NUM_TARGETS = _field(
    "num_targets",
    pa.int64(),
    "tokens of a good document with a loss, its first never one; of another document the tokens "
    "that its mask marks, or null where it has no mask that can be read",
)

# In Delta, the sequences of all buckets lie in one table, and so do the plans. Both tables are
# partitioned by these two columns.
PARTITIONED_BY = ("bucket", "seq_len")
_SEQ_LEN = _field("seq_len", pa.int32(), "tokens a sequence")
DELTA_SEQUENCES = pa.schema([*SEQUENCES, _SEQ_LEN])
DELTA_PLAN = pa.schema([*PLAN, SEQUENCES.field("bucket"), _SEQ_LEN])

# A row as Megatron-Bridge takes it (exporting/bridge.py).
BRIDGE = pa.schema(
    [
        _field("input_ids", pa.list_(pa.int32()), "the ids of a row, without padding"),
        _field("loss_mask", pa.list_(pa.int8()), "1 where the next token is a target, else 0"),
        _field("seq_start_id", pa.list_(pa.int32()), "where each segment begins"),
    ]
)

# What verify reads back: one row per segment.
SCANNED_SEGMENTS = pa.schema(
    [
        _field("file", pa.string(), "path in the version's directory"),
        _field("row", pa.int64(), "row in the file"),
        *(f for f in PLAN if f.name != "group"),
        _field("doc_length", pa.int64(), "tokens of the whole document"),
        _field("digest", pa.int64(), "core.digest of the segment's ids"),
    ]
)

# The same for the token store: one row per document.
SCANNED_DOCUMENTS = pa.schema(
    [
        _field("doc_id", pa.string(), "the document"),
        _field("refused", pa.string(), "why it has no tokens (text tokenized anew), or null"),
        _field("doc_length", pa.int64(), "tokens of the whole document"),
        _field("kept", pa.int64(), "tokens that the policy keeps"),
        _field("digest", pa.int64(), "core.digest of the kept ids"),
    ]
)

# The buckets of which the files of a corpus hold documents, if a column tells the bucket.
BUCKETS = pa.schema(
    [
        _field("bucket", pa.string(), "a value of the column"),
        _field("name", pa.string(), "a file that holds it, relative to the input"),
    ]
)

# One message per partition from a writer to the driver: JSON of files and counts.
MESSAGES = pa.schema([_field("message", pa.string(), "JSON: files written, counts")])


class Reason:
    """The reasons why a document is not in the token store. EMPTY is counted, not quarantined."""

    EMPTY = "empty"
    NULL = "null_text"
    INVALID_UTF8 = "invalid_utf8"
    LONE_SURROGATE = "lone_surrogate"
    BROKEN_LINE = "broken_line"
    NOT_TEXT = "not_text"
    TOO_LARGE = "too_large"
    UNCUT = "uncut"  # a stretch of it without a place to cut it is too large
    CONTROL_TOKEN = "control_token"
    INVALID_TOKENS = "invalid_tokens"
    INVALID_MASK = "invalid_mask"
    NO_TARGET = "no_target"  # the loss mask leaves nothing to be learned
    NOT_SPELLED = "not_spelled"
    NOT_A_CONVERSATION = "not_a_conversation"
    NOT_RENDERED = "not_rendered"  # the chat template refuses it
    NOT_ALIGNED = "not_aligned"  # a token lies over the border of what the model is to say


_SPARK_TYPES = {
    pa.string(): "string",
    pa.binary(): "binary",
    pa.bool_(): "boolean",
    pa.int32(): "int",
    pa.int64(): "long",
    pa.list_(pa.string()): "array<string>",
    pa.list_(pa.int32()): "array<int>",
    pa.list_(pa.int64()): "array<long>",
}


def plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema without the meanings of its fields, as files and batches have it."""
    return pa.schema([field.remove_metadata() for field in schema])


BYTES = "_bytes"  # added to the name of a column of texts: the column of their lengths


def blocks_of(schema: pa.Schema, key: str) -> pa.Schema:
    """Return the schema of blocks of rows of `schema` (spark/blocks.py), where many rows travel as
    one: `key`, and for each other column its values end to end."""
    fields = [schema.field(key)]
    for field in (f for f in schema if f.name != key):
        if not pa.types.is_integer(field.type):
            fields.append(_field(field.name + BYTES, pa.binary(), "int32: the length of each"))
        fields.append(pa.field(field.name, pa.binary(), metadata=field.metadata))
    return pa.schema(fields)


def spark_ddl(schema: pa.Schema) -> str:
    """Return the schema in Spark's DDL."""
    return ", ".join(f"`{f.name}` {_SPARK_TYPES[f.type]}" for f in schema)
