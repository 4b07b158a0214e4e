"""The targets of documents with loss masks: where they went, and how many a row has."""

from collections.abc import Mapping, Sequence

from bfpack_spark.explore.targets import TargetsAt, sum_of_targets, targets_of
from bfpack_spark.printable import counted
from bfpack_spark.report.layout import Cell, Row, Section, Table
from bfpack_spark.report.words import count, mean, percent, share
from bfpack_spark.versions.manifests import SequencesManifest, TargetsAccounting

_HEAD = (
    *("targets packed", "truncated", "dropped", "of all tokens", "documents whole"),
    *("rows without target", "targets a row", "1%", "99%"),
)


def targets_table(versions: Sequence[TargetsAt]) -> Table:
    """Return a table with a row for each seq_len that is published."""
    rows: list[Row] = [(count(at.seq_len), *_cells(at)) for at in versions]
    caption = "Targets in the rows that are published"
    return Table(caption=caption, head=("seq_len", *_HEAD), rows=rows)


def _cells(at: TargetsAt) -> Sequence[str]:
    return (
        f"{count(at.num_targets_packed)} ({share(at.num_targets_packed, at.num_targets)})",
        count(at.num_targets_truncated),
        count(at.num_targets_dropped),
        percent(at.target_share),
        percent(at.whole_share),
        count(at.num_sequences_without_target),
        mean(at.mean_targets),
        *("" if n is None else count(n) for n in (at.p1_targets, at.p99_targets)),
    )


def targets_of_buckets(ways: Mapping[str, Mapping[str, SequencesManifest]]) -> list[Section]:
    """Return a section with a table for each way to pack: the targets of each bucket whose
    documents have loss masks, and of all together."""
    tables = []
    for way, manifests in ways.items():
        each = {name: targets_of(manifest) for name, manifest in manifests.items()}
        held = {name: at for name, at in each.items() if at is not None}
        rows: list[Row] = [(name, *_cells(at)) for name, at in held.items()]
        foot = ("all", *_cells(sum_of_targets([*held.values()]))) if len(held) > 1 else None
        if held:
            head = ("bucket", *_HEAD)
            tables.append(Table(caption=f"Targets at {way}", head=head, rows=rows, foot=foot))
    return [Section(name="targets", title="Targets", tables=tables)] if tables else []


def targets_sections(manifest: SequencesManifest) -> list[Section]:
    """Return a section of where every target went, if the documents have loss masks."""
    at = targets_of(manifest)
    account = manifest.accounting.targets
    return [] if at is None or account is None else [_section(account, at)]


def parts_table(caption: str, whole_name: str, whole: int, parts: dict[str, int]) -> Table:
    """Return a table of the parts of a whole, with their shares."""
    rows: list[Row] = [
        (name, count(n), Cell(text=share(n, whole), bar=n / max(whole, 1)))
        for name, n in parts.items()
    ]
    foot = (whole_name, count(whole), share(sum(parts.values()), whole))
    return Table(caption=caption, head=("", "number", "share"), rows=rows, foot=foot)


def _section(account: TargetsAccounting, at: TargetsAt) -> Section:
    parts = {
        "packed": account.num_targets_packed,
        "truncated": account.num_targets_truncated,
        "dropped": account.num_targets_dropped,
        "first of a segment, because of a cut": account.num_targets_at_cuts,
    }
    whole = "of the documents in the token store"
    without = account.num_documents_without_target
    notes = [f"{at.text()[0].upper()}{at.text()[1:]}."]
    if without:
        notes.append(f"{count(without)} documents were truncated to no target: see quarantine/.")
    notes += _of_quarantine(account)
    where = parts_table("Targets", whole, account.num_targets, parts)
    return Section(
        name="targets", title="Targets", notes=notes, tables=[where, targets_table([at])]
    )


def _of_quarantine(account: TargetsAccounting) -> list[str]:
    """Return what is known of the targets of documents that are not in the token store."""
    marked = account.num_targets_quarantined or 0
    unknown = account.num_documents_with_unknown_targets or 0
    notes = []
    if marked:
        notes.append(
            f"The documents in quarantine have {count(marked)} targets more by their own masks."
        )
    if unknown:
        notes.append(
            f"Of {counted(unknown, 'document')} in quarantine nobody knows the targets, since no "
            "mask can be read."
        )
    return notes
