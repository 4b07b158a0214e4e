"""Documents that are drawn from a corpus at random and tokenized as a run tokenizes them, without
Spark.

Up to about 256 places are drawn (corpus.clusters), and at each place some of its documents, so
little of a large corpus is read. If that would be half of the corpus, or the corpus has up to 64
MB, all of it is read, so that the sizes of all documents are known, and few are tokenized. The
sizes of files of text are known without reading. A corpus of up to 64 MB that has no more documents
than wanted is tokenized whole, and nothing is left to chance.
"""

from functools import partial

import numpy as np

from bfpack_spark.buckets.slices import (
    PLACEHOLDER,
    Slice,
    by_directories,
    check_tells_buckets,
    columns_of,
    open_named,
    paths_of_buckets,
)
from bfpack_spark.config import Settings
from bfpack_spark.core.estimates import Stratum
from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.clusters import Cluster, draw_clusters
from bfpack_spark.corpus.documents import Documents
from bfpack_spark.corpus.draw_documents import Drawn, chances_of, draw_documents
from bfpack_spark.corpus.inventory import Inventory, Split, split_inventory, whole_file
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.explore.references import Looked
from bfpack_spark.explore.sample_estimates import Sample
from bfpack_spark.explore.sample_parts import Part, stratum_of, whole_stratum
from bfpack_spark.explore.sample_reader import MentionsOfEach, SampleReader
from bfpack_spark.files.what_is_there import instead
from bfpack_spark.tokenizing.engines import limits_of
from bfpack_spark.tokenizing.look_at_chats import look_at_chats, sample_rows
from bfpack_spark.tokenizing.mentions import ReferenceKind
from bfpack_spark.tokenizing.parity import engine_for, sample_texts
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary

_DRAWS_MAX = 256
_DOCUMENTS_A_DRAW = 20  # fewer than 256 draws are made if each would take fewer documents
_DRAWS_MIN = 32
_WHOLE_BYTES_MAX = 64 << 20


def sample_input(
    settings: Settings, num_documents: int, references: ReferenceKind | None = None
) -> dict[str, Sample]:
    """Return about `num_documents` documents of each bucket of --input, by the name of the bucket.
    An input that is not divided is one bucket, named by --bucket or else by its own path. If
    `references` is given, the texts are looked through for such mentions. Raise InputError for
    fewer than 1 document, for a table, which is not sampled, or its version, for references in
    tokens or conversations, and where no document has text."""
    if num_documents < 1:
        raise InputError(f"--sample {num_documents}: must be 1 or more")
    if settings.input_format in ("delta", "table"):
        raise InputError(
            f"--input-format {settings.input_format}: a table is not sampled; bfpack tokenize it, "
            "then stats --output"
        )
    if settings.input_version is not None:
        raise InputError(
            f"--input-version {settings.input_version}: only a table has versions, and a table is "
            "not sampled; leave it out"
        )
    if references is not None and settings.is_chat:
        raise InputError(f"--references {references}: needs text; conversations are not looked at")
    if references is not None and settings.tokens_column is not None:
        column = settings.tokens_column
        raise InputError(f"--references {references}: needs text; --tokens-column {column} has ids")
    samples = {
        name: sample_slice(settings, one, name, num_documents, references)
        for name, one in _slices(settings).items()
    }
    if not any(sample.histogram.count for sample in samples.values()):
        drawn = sum(sample.num_read for sample in samples.values())
        raise InputError(
            f"--input {', '.join(settings.input)}: not one document with text in {drawn} that were "
            "drawn; name another input, or draw more"
        )
    return samples


def sample_slice(
    settings: Settings,
    one: Slice,
    bucket: str,
    num_documents: int,
    references: ReferenceKind | None = None,
) -> Sample:
    """Return about `num_documents` documents of one bucket, as sample_input does."""
    columns, vocabulary = columns_of(settings, one, bucket), read_vocabulary(settings)
    check_columns(one.inventory, columns)
    if columns.chat is not None:
        rows = sample_rows(one.inventory, columns)
        choice = look_at_chats(settings.engine, columns, vocabulary, rows)
    else:
        texts = partial(sample_texts, one.inventory, columns)
        choice = engine_for(settings.engine, columns, vocabulary, texts)
    limits = limits_of(choice.engine, vocabulary, in_one_piece=columns.chat is not None)
    spec = TokenizeSpec(
        input_format=one.inventory.format,
        columns=columns,
        vocabulary=vocabulary,
        engine=choice.engine,
        max_document_bytes=min(settings.max_document_bytes, limits.max_bytes),
        max_uncut_bytes=limits.max_uncut_bytes,
        audit_share=0.0,
    )
    reader = SampleReader(spec, references)
    whole = _all_documents(one.inventory, spec, num_documents)
    if whole is not None:
        lengths, mentions = reader.read(whole)
        return _sample(whole_stratum(lengths), mentions, references)
    stratum, mentions = _draw(one.inventory, reader, num_documents, settings.seed)
    return _sample(stratum, mentions, references)


def _slices(settings: Settings) -> dict[str, Slice]:
    """Return the buckets of --input. The values of a column in the data are not known without
    reading it, so --bucket must name them."""
    patterns, column, names = settings.need("input"), settings.bucket_column, settings.bucket
    if column is not None:
        inventory = take_inventory(patterns, settings.input_format)
        slices = by_directories(inventory, column)
        if slices is None:
            check_tells_buckets(inventory, column)
        if slices is None and not names:
            raise InputError(f"--bucket-column {column}: name the buckets to sample with --bucket")
        if slices is None:
            return {name: Slice(inventory=inventory, column=column) for name in names}
        gone = [name for name in names if name not in slices]
        if gone:
            raise InputError(
                f"--bucket {gone[0]}: no directory {column}={gone[0]} in --input "
                + ", ".join(patterns)
                + instead("buckets", sorted(slices))
            )
        return {name: slices[name] for name in names or sorted(slices)}
    if any(PLACEHOLDER in pattern for pattern in patterns):
        paths = paths_of_buckets(patterns, names)
    elif len(names) > 1:
        raise InputError(f"--bucket: {len(names)} of them; write {{bucket}} in --input")
    else:
        paths = {names[0] if names else ", ".join(patterns): patterns}
    inventories = {
        n: open_named(n, patterns, partial(take_inventory, path, settings.input_format))
        for n, path in paths.items()
    }
    return {name: Slice(inventory=inventory) for name, inventory in inventories.items()}


def _all_documents(inventory: Inventory, spec: TokenizeSpec, limit: int) -> list[Documents] | None:
    """Return all documents of a small corpus if there are no more than `limit`, otherwise None."""
    if inventory.num_bytes > _WHOLE_BYTES_MAX:
        return None
    documents: list[Documents] = []
    splits = split_inventory(inventory)
    for batch in read_documents(splits, spec.input_format, spec.columns, spec.max_document_bytes):
        documents.append(batch)
        if sum(map(len, documents)) > limit:
            return None
    return documents


def _draw(
    inventory: Inventory, reader: SampleReader, wanted: int, seed: int
) -> tuple[Stratum, MentionsOfEach]:
    random, spec = np.random.default_rng([seed, 1]), reader.spec
    # A chat template mostly puts tokens around a document itself, and then in proportion to what
    # else it writes.
    inserted = 0 if spec.columns.chat is not None else spec.vocabulary.num_inserted
    if reader.spec.input_format == "text":
        files = _of_files(inventory, reader, wanted, random)
        return stratum_of([files], wanted, inserted), files.mentions
    num_draws = min(max(wanted // _DOCUMENTS_A_DRAW, _DRAWS_MIN), _DRAWS_MAX)
    clusters = draw_clusters(inventory, max(min(num_draws, wanted), 2), seed)
    num_bytes = sum(cluster.num_bytes for cluster in set(clusters))
    if inventory.num_bytes <= max(_WHOLE_BYTES_MAX, 2 * num_bytes):
        draws = np.arange(wanted)
        drawn = _read(split_inventory(inventory), reader.spec, draws, random)
        part = _part(drawn, draws, None, reader)
        return stratum_of([part], wanted, inserted), part.mentions
    ends = np.arange(len(clusters) + 1) * max(wanted, len(clusters)) // len(clusters)
    alike: dict[Cluster, list[int]] = {}  # the draws of each, so that each is read once
    for number, cluster in enumerate(clusters):
        alike.setdefault(cluster, []).append(number)
    parts = []
    for cluster, numbers in alike.items():
        draws = np.repeat(numbers, np.diff(ends)[numbers])
        drawn = _read([cluster.split], reader.spec, draws, random)
        parts.append(_part(drawn, draws, cluster.chance, reader))
    mentions = tuple(own for part in parts for own in part.mentions)
    return stratum_of(parts, len(clusters), inserted), mentions


def _read(
    splits: list[Split], spec: TokenizeSpec, draws: Int64, random: np.random.Generator
) -> Drawn:
    limit = spec.max_document_bytes
    batches = read_documents(splits, spec.input_format, spec.columns, limit)
    return draw_documents(batches, len(draws), _largest(spec), random)


def _largest(spec: TokenizeSpec) -> int:
    """Return the bytes of the largest document that is tokenized. Ready tokens have no limit."""
    return 1 << 62 if spec.columns.tokens else spec.max_bytes


def _part(drawn: Drawn, draws: Int64, chance: float | None, reader: SampleReader) -> Part:
    """Tokenize the documents drawn."""
    sizes = np.concatenate([np.empty(0, np.int64), *(own.sizes() for own in drawn.batches)])
    lengths, mentions = reader.read(drawn.batches)
    return Part(
        sizes=drawn.sizes,
        draws=draws[: len(drawn.chosen)],
        drawn_sizes=sizes[drawn.chosen],
        lengths=lengths[drawn.chosen],
        chance=chance,
        mentions=tuple(mentions[number] for number in drawn.chosen if mentions),
    )


def _of_files(
    inventory: Inventory, reader: SampleReader, wanted: int, random: np.random.Generator
) -> Part:
    """Draw files of text, which hold one document each."""
    spec = reader.spec
    limit = _largest(spec)
    files = [file for file in inventory.files if file.size and (file.codec or file.size <= limit)]
    sizes = np.array([file.size for file in files], dtype=np.int64)
    ends = np.cumsum(chances_of(sizes, sizes))
    chosen = np.searchsorted(ends, random.random(wanted if files else 0) * ends[-1:], "right")
    numbers, where = np.unique(chosen, return_inverse=True)
    splits = [whole_file(files[number]) for number in numbers.tolist()]
    batches = read_documents(splits, "text", spec.columns, spec.max_document_bytes)
    lengths, mentions = reader.read(batches)
    return Part(
        sizes=sizes,
        draws=np.arange(len(chosen)),
        drawn_sizes=sizes[chosen],
        lengths=lengths[where],
        chance=None,
        mentions=tuple(mentions[number] for number in where if mentions),
    )


def _sample(stratum: Stratum, mentions: MentionsOfEach, references: ReferenceKind | None) -> Sample:
    lengths = stratum.donors.length
    looked = None
    if references is not None:
        not_parsed = [
            own is None and length > 0
            for own, length in zip(mentions, lengths.tolist(), strict=True)
        ]
        looked = Looked(kind=references, of_donors=mentions, num_not_parsed=sum(not_parsed))
    return Sample(
        strata=(stratum,),
        num_read=len(lengths),
        num_refused=int((lengths == 0).sum()),
        looked=looked,
    )
