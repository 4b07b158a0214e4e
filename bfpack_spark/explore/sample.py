"""Documents that are drawn from a corpus at random and tokenized as a run tokenizes them, without
Spark.

Up to about 256 places are drawn (corpus.clusters), and at each place some of its documents, so
little of a large corpus is read. A corpus of up to 64 MB that has no more documents than wanted is
read whole, and nothing is left to chance.
"""

import collections

import numpy as np

from bfpack_spark.buckets.slices import (
    PLACEHOLDER,
    Slice,
    by_directories,
    columns_of,
    paths_of_buckets,
)
from bfpack_spark.config import Settings
from bfpack_spark.core.estimates import Draws
from bfpack_spark.corpus.clusters import Cluster, draw_clusters, read_cluster
from bfpack_spark.corpus.documents import Documents
from bfpack_spark.corpus.inventory import Inventory, split_inventory
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.explore.sample_estimates import Sample
from bfpack_spark.tokenizing.engines import limits_of
from bfpack_spark.tokenizing.parity import engine_for
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary

_DRAWS_MAX = 256
_DOCUMENTS_A_DRAW = 20  # fewer than 256 draws are made if each would take fewer documents
_DRAWS_MIN = 32
_WHOLE_BYTES_MAX = 64 << 20


def sample_input(settings: Settings, num_documents: int) -> dict[str, Sample]:
    """Return about `num_documents` documents of each bucket of --input, by the name of the bucket.
    An input that is not divided is one bucket, named by its own path. Raise InputError for fewer
    than 1 document, and for a Delta table, which is not sampled."""
    if num_documents < 1:
        raise InputError(f"--sample {num_documents}: must be 1 or more")
    if settings.input_format == "delta":
        raise InputError(
            "--input-format delta: a table is not sampled; bfpack tokenize it, then stats --output"
        )
    return {
        name: sample_slice(settings, one, name, num_documents)
        for name, one in _slices(settings).items()
    }


def sample_slice(settings: Settings, one: Slice, bucket: str, num_documents: int) -> Sample:
    """Return about `num_documents` documents of one bucket."""
    columns, vocabulary = columns_of(settings, one, bucket), read_vocabulary(settings)
    check_columns(one.inventory, columns)
    choice = engine_for(settings.engine, one.inventory, columns, vocabulary)
    limits = limits_of(choice.engine, vocabulary)
    spec = TokenizeSpec(
        input_format=one.inventory.format,
        columns=columns,
        vocabulary=vocabulary,
        engine=choice.engine,
        max_document_bytes=min(settings.max_document_bytes, limits.max_bytes),
        max_uncut_bytes=limits.max_uncut_bytes,
        audit_share=0.0,
    )
    whole = _all_documents(one.inventory, spec, num_documents)
    if whole is not None:
        return _sample(0, [(0, 1.0, whole)], spec)
    return _draw(one.inventory, spec, num_documents, settings.seed)


def _slices(settings: Settings) -> dict[str, Slice]:
    """Return the buckets of --input. The values of a column in the data are not known without
    reading it, so --bucket must name them."""
    patterns, column, names = settings.need("input"), settings.bucket_column, settings.bucket
    if column is not None:
        inventory = take_inventory(patterns, settings.input_format)
        slices = by_directories(inventory, column)
        if slices is None and not names:
            raise InputError(f"--bucket-column {column}: name the buckets to sample with --bucket")
        if slices is None:
            return {name: Slice(inventory=inventory, column=column) for name in names}
        gone = [name for name in names if name not in slices]
        if gone:
            raise InputError(
                f"--bucket {gone[0]}: no directory {column}={gone[0]} in --input "
                + ", ".join(patterns)
            )
        return {name: slices[name] for name in names or sorted(slices)}
    if any(PLACEHOLDER in pattern for pattern in patterns):
        paths = paths_of_buckets(patterns, names)
    elif len(names) > 1:
        raise InputError(f"--bucket: {len(names)} of them; write {{bucket}} in --input")
    else:
        paths = {names[0] if names else ", ".join(patterns): patterns}
    inventories = {n: take_inventory(path, settings.input_format) for n, path in paths.items()}
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


def _draw(inventory: Inventory, spec: TokenizeSpec, wanted: int, seed: int) -> Sample:
    num_draws = min(max(wanted // _DOCUMENTS_A_DRAW, _DRAWS_MIN), _DRAWS_MAX)
    if spec.input_format == "text":  # a file is one document
        num_draws = wanted
    clusters = draw_clusters(inventory, max(min(num_draws, wanted), 2), seed)
    shares = np.arange(len(clusters) + 1) * max(wanted, len(clusters)) // max(len(clusters), 1)
    sizes = np.diff(shares).tolist()
    random = np.random.default_rng([seed, 1])
    drawn: list[tuple[int, float, list[Documents]]] = []
    for cluster, numbers in _alike(clusters).items():
        wanted_each = [sizes[number] for number in numbers]
        limit = spec.max_document_bytes
        read = read_cluster(cluster, inventory, spec.columns, limit, wanted_each, random)
        for number, sample in zip(numbers, read.samples, strict=True):
            taken = max(sum(map(len, sample)), 1)
            drawn.append((number, read.num_documents / taken / cluster.chance, sample))
    return _sample(len(clusters), drawn, spec)


def _alike(clusters: list[Cluster]) -> dict[Cluster, list[int]]:
    """Return the numbers of the draws of each cluster, so that each cluster is read once."""
    draws = collections.defaultdict(list)
    for number, cluster in enumerate(clusters):
        draws[cluster].append(number)
    return draws


def _sample(
    num_draws: int, drawn: list[tuple[int, float, list[Documents]]], spec: TokenizeSpec
) -> Sample:
    """Tokenize the documents drawn and return the sample. drawn: for each draw its number, how many
    documents each of its documents stands for, and those documents."""
    lengths, numbers, stands_for = [], [], []
    num_read = num_refused = 0
    for number, each, batches in drawn:
        for batch in batches:
            num_read += len(batch)
            good = spec.tokenize(batch).column("length").drop_null().to_numpy()
            num_refused += len(batch) - len(good)
            lengths.append(good.astype(np.int64))
            numbers.append(np.full(len(good), number))
            stands_for.append(np.full(len(good), each))
    draws = Draws(
        num_draws=num_draws,
        draw=np.concatenate([*numbers, np.empty(0, np.int64)]).astype(np.int64),
        length=np.concatenate([*lengths, np.empty(0, np.int64)]),
        stands_for=np.concatenate([*stands_for, np.empty(0)]),
    )
    return Sample(strata=(draws,), num_read=num_read, num_refused=num_refused)
