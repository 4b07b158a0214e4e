"""What can be checked on the driver: manifests, the pointer, names of files, the tokenizer, and
whether every input file was read whole."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, get_args

from bfpack_spark.core.accounting import Accounting
from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.vocabulary import token_ids
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import fingerprint, formats_of
from bfpack_spark.versions.manifests import (
    FileKind,
    Manifest,
    ReadFile,
    SequencesManifest,
    TokensManifest,
)
from bfpack_spark.versions.publication import Home

Wrong = Callable[..., Violation]

_MANIFEST = "_manifest.json"
_FIRST = 20  # violations of invariant 0 that are named


def check_manifest(home: Home, directory: str, manifest: Manifest) -> Iterator[Violation]:
    """Yield a violation unless the pointer names this manifest, the manifest names this version, no
    file on disk is unlisted, and the shards have equal numbers of rows, within one."""
    wrong = partial(Violation, invariant=5, shard=_MANIFEST)
    name = directory.rpartition("/")[2]
    if fingerprint(manifest.inputs, home.seq_len, manifest.format_version) != manifest.fingerprint:
        yield wrong(problem="fingerprint is not that of the inputs")
    if manifest.version != name:
        yield wrong(problem=f"fingerprint does not begin with {name}")
    own = {"kind": home.kind, "bucket": home.bucket, "seq_len": home.seq_len}
    yield from _differences("", own, vars(manifest), wrong)
    if manifest.format_version not in formats_of(manifest.inputs):
        yield wrong(problem=f"format_version {manifest.format_version} is not known to this build")
    yield from _check_pointer(home, name)
    for data in get_args(FileKind):
        listed = {entry.path for entry in manifest.files_of(data)}
        for path in sorted(publication.files_on_disk(home, name, data).keys() - listed):
            yield Violation(invariant=5, problem="on disk, not in the manifest", shard=path)
    rows = [entry.rows for entry in manifest.files_of("shards")]
    if home.form is None and rows and max(rows) - min(rows) > 1:
        yield Violation(invariant=4, problem=f"shards of {min(rows)} to {max(rows)} rows")


def _check_pointer(home: Home, name: str) -> Iterator[Violation]:
    """Yield a violation if the pointer is damaged, or if it names this version with a hash that is
    not that of the manifest."""
    wrong = partial(Violation, invariant=5)
    try:
        pointer = publication.read_pointer(home)
    except InputError as error:
        yield wrong(problem=str(error), shard="_current.json")
        return
    if pointer is None or pointer.version != name:
        return
    if not publication.is_pointed_at(home, pointer):
        yield wrong(problem="its sha256 is not the one in _current.json", shard=_MANIFEST)


def check_tokenizer(store: TokenStore, manifest: SequencesManifest) -> Iterator[Violation]:
    """Yield a violation unless the tokenizer beside the tokens is the one that made them, and both
    manifests agree with it."""
    inputs = store.manifest.inputs
    raw = store.kept_tokenizer()
    wrong = partial(Violation, invariant=5)
    if hashlib.sha256(raw).hexdigest() != inputs.tokenizer_sha256:
        yield wrong(problem="sha256 is not tokenizer_sha256 of the inputs", shard="tokenizer.json")
    if inputs.configuration.messages_column:
        try:
            store.chat_template()
        except InputError as error:
            yield wrong(problem=str(error), shard="chat_template.json")
    try:
        size = max(token_ids(raw).values()) + 1
    except InputError as error:
        yield wrong(problem=str(error), shard="tokenizer.json")
        return
    configuration = inputs.configuration
    facts = {"eos_id": configuration.eos_id, "bos_id": configuration.bos_id}
    facts["vocabulary_size"] = size
    wrong = partial(wrong, shard=_MANIFEST)
    yield from _differences("tokenizer.", facts, vars(store.tokenizer), wrong)
    pad = manifest.inputs.configuration.pad_id
    own = {"pad_id": pad, "pad_is_eos": pad == store.tokenizer.eos_id}
    told = {**store.tokenizer.as_json(), **own}
    yield from _differences("tokenizer.", told, manifest.tokenizer.as_json(), wrong)


def check_accounting(
    counted: Accounting, documents_cut: int, store: TokenStore, manifest: SequencesManifest
) -> Iterator[Violation]:
    """Yield a violation of invariant 1 unless the accounting of the sequences follows from the
    lengths in the token store, and adds up. documents_cut is counted in the rows, since what
    concatenation cuts depends on the order of documents."""
    wrong = partial(Violation, invariant=1, shard=_MANIFEST)
    expected = {**vars(counted), **store.carried_counts(), "num_documents_cut": documents_cut}
    yield from _differences("accounting.", expected, vars(manifest.accounting), wrong)
    if not store.masks:  # else check_targets has counted them
        for kept, place in ((manifest, ""), (store.manifest, "tokens/")):
            if getattr(kept.accounting, "targets", None) is not None:
                problem = "accounting.targets: documents without loss masks have none to count"
                yield Violation(invariant=1, problem=problem, shard=f"{place}{_MANIFEST}")
    shards = manifest.files_of("shards")
    totals = {
        "sequences": sum(entry.rows for entry in shards),
        "tokens": sum(entry.tokens for entry in shards),
        "shards": len(shards),
    }
    yield from _differences("totals.", totals, vars(manifest.totals), wrong)
    for name, value in (
        ("sequences", counted.num_sequences),
        ("tokens", counted.num_tokens_packed),
    ):
        if totals[name] != value:
            yield wrong(problem=f"shards hold {totals[name]} {name}, lengths tell {value}")


def check_token_accounting(
    counted: Accounting, store: TokenStore, reasons: Mapping[str, int]
) -> Iterator[Violation]:
    """Yield a violation of invariant 1 unless documents in = in the store + empty + quarantined, by
    reason. `reasons`: how many documents quarantine/ has of each."""
    wrong = partial(Violation, invariant=1, shard=f"tokens/{_MANIFEST}")
    accounting = store.manifest.accounting
    inserted = 1 + (store.tokenizer.bos_id is not None)
    totals = {"documents": counted.num_documents, "tokens": counted.num_tokens}
    expected = {**totals, "tokens_inserted": counted.num_documents * inserted}
    if store.manifest.inputs.configuration.is_chat:  # a template may have put EOS there itself
        most = expected.pop("tokens_inserted")
        if accounting.tokens_inserted > most:
            problem = f"accounting.tokens_inserted is {accounting.tokens_inserted}, at most {most}"
            yield wrong(problem=problem)
    yield from _differences("accounting.", expected, vars(accounting), wrong)
    yield from _differences("totals.", totals, vars(store.manifest.totals), wrong)
    refused = sum(accounting.documents_quarantined.values())
    rows = sum(entry.rows for entry in store.manifest.files_of("quarantine"))
    if rows != refused:
        yield wrong(problem=f"{refused} documents quarantined, {rows} in quarantine/")
    told = accounting.documents_quarantined
    for reason in sorted(told.keys() | reasons.keys()):
        if (said := told.get(reason, 0)) != (held := reasons.get(reason, 0)):
            yield wrong(problem=f"{said} documents are {reason}, {held} in quarantine/")
    if accounting.documents_in != counted.num_documents + refused + accounting.documents_empty:
        yield wrong(problem="documents in are not the sum of packed, empty and quarantined")


def _differences(
    prefix: str, expected: dict[str, Any], said: dict[str, Any], wrong: Wrong
) -> Iterator[Violation]:
    for name, value in expected.items():
        if name not in said or said[name] != value:
            yield wrong(problem=f"{prefix}{name} is {said.get(name)}, should be {value}")


def check_input_files(manifest: TokensManifest) -> list[Violation]:
    """Return the violations of invariant 0 in the manifest of a token store.

    Its inventory must have the files of its inputs, in their order. The documents in must be the
    sum of those of the files. The bytes read of a file must be its size, and its rows must be the
    documents that it gave. A count that no build has written (null, or no inventory) is not
    checked.
    """
    files, inputs = manifest.inventory, manifest.inputs
    if files is None:
        return []
    wrong = partial(Violation, invariant=0, shard="tokens/_manifest.json")
    problems = [*_other_files(files, inputs.inventory)]
    if not problems:
        passed_over = inputs.configuration.bucket_column is not None
        for file, (_, _, _, *deleted) in zip(files, inputs.inventory, strict=True):
            problems += _miscounted(file, all_rows=not passed_over and not deleted)
    problems += _sum_differs(files, manifest.accounting.documents_in)
    return [wrong(problem=problem) for problem in problems[:_FIRST]]


def _other_files(files: list[ReadFile], inputs: list[list[str | int]]) -> Iterator[str]:
    """Yield a problem for each file whose name, size and stamp (its ETag or modification time) are
    not those of the inputs, and one if the order differs."""
    counted = [(f.name, f.size, f.modified if f.etag is None else f.etag) for f in files]
    listed = [(name, size, stamp) for name, size, stamp, *_ in inputs]
    if counted == listed:
        return
    for name in sorted({str(name) for name, *_ in set(counted) ^ set(listed)}):
        yield f"inventory: {name} is not the file that the inputs name"
    if set(counted) == set(listed):
        yield "inventory: its files are not in the order of the inputs, each once"


def _miscounted(file: ReadFile, *, all_rows: bool) -> Iterator[str]:
    """Yield what is wrong with the counts of one file. all_rows: every row must be a document;
    otherwise some rows are deleted or belong to other buckets."""
    rows, documents = file.rows, file.documents
    if file.bytes not in (None, file.size):
        yield f"inventory: {file.bytes} of {file.size} bytes of {file.name} were read"
    if rows is None or documents is None:
        return
    if documents > rows or (all_rows and documents < rows):
        yield f"inventory: {documents} documents came of {rows} rows of {file.name}"


def _sum_differs(files: list[ReadFile], documents_in: int) -> Iterator[str]:
    counts = [file.documents for file in files]
    known = sum(count for count in counts if count is not None)
    if None not in counts and known != documents_in:
        yield f"inventory: its files gave {known} documents, accounting.documents_in {documents_in}"
