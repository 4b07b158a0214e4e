"""What `pack` and `assemble` print: what is current now, what was left out of it, and what was
current before.

    web 2048: 5,583 sequences, 11,431,298 tokens, 3 shards in out/web/sequences-2048/1f.../shards
      130 documents, 86.0 % of the tokens, dropped: longer than seq_len (--long-documents drop)
      2 documents quarantined (null_text 1, not_text 1)
      current was 2e... (long_documents split -> drop)
"""

from collections.abc import Iterator

from bfpack_spark.cli.each_bucket import Outcome, results_of
from bfpack_spark.cli.printing import error_rows, print_json, say
from bfpack_spark.pipeline import Published
from bfpack_spark.printable import counted
from bfpack_spark.report.words import share, why_dropped
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import current_sequences


def print_published(outcomes: list[Outcome], as_json: bool) -> None:
    """Print what is current now on stdout."""
    done: list[Published] = results_of(outcomes)
    manifests = [current_sequences(each.version.home, each.version.name)[1] for each in done]
    if as_json:
        rows = [_row(*pair) for pair in zip(done, manifests, strict=True)]
        print_json([*rows, *error_rows(outcomes)])
        return
    for published, manifest in zip(done, manifests, strict=True):
        home, totals = published.version.home, manifest.totals
        say(
            f"{home.bucket} {home.seq_len}: {counted(totals.sequences, 'sequence')}, "
            f"{counted(totals.tokens, 'token')}, {counted(totals.shards, 'shard')} in "
            f"{published.version.directory}/shards"
        )
        for line in _left_out(manifest):
            say(f"  {line}")
        if published.move is not None:
            say(f"  current was {published.move.earlier} ({'; '.join(published.move.changes)})")


def _row(published: Published, manifest: SequencesManifest) -> dict[str, object]:
    version, move = published.version, published.move
    return {
        "bucket": version.home.bucket,
        "seq_len": version.home.seq_len,
        "version": version.name,
        **manifest.totals.as_json(),
        "path": f"{version.directory}/shards",
        "accounting": manifest.accounting.as_json(),
        "current_was": None if move is None else move.earlier,
        "changes": [] if move is None else move.changes,
    }


def _left_out(manifest: SequencesManifest) -> Iterator[str]:
    """Yield a line for each kind of documents or tokens of the input that are in no sequence."""
    accounting, policy = manifest.accounting, manifest.inputs.configuration.long_documents
    dropped, truncated = accounting.num_tokens_dropped, accounting.num_tokens_truncated
    if dropped:
        documents = counted(accounting.num_documents_dropped, "document")
        part = share(dropped, accounting.num_tokens)
        dropped_for = f"dropped: {why_dropped(policy)} (--long-documents {policy})"
        yield f"{documents}, {part} of the tokens, {dropped_for}"
    if truncated:
        documents = counted(accounting.num_documents_truncated, "document")
        part = share(truncated, accounting.num_tokens)
        ends = f"the ends of {documents}, {part} of the tokens, left out"
        yield f"{ends} (--long-documents {policy})"
    refused = accounting.num_documents_quarantined
    if refused:
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in sorted(refused.items()))
        yield f"{counted(sum(refused.values()), 'document')} quarantined ({reasons})"
    if accounting.num_documents_empty:
        yield f"{counted(accounting.num_documents_empty, 'document')} without text"
