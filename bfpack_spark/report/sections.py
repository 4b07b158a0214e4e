"""The sections of a report, with what it says of the costs of a run."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from bfpack_spark.core.accounting import sum_known
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.groups import packed_groups
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.collect import RunFacts
from bfpack_spark.report.figures import fragments_figure, lengths_figure, shards_figure
from bfpack_spark.report.layout import Cell, Row, Section, Table
from bfpack_spark.report.tables import padding_table, quantiles_table
from bfpack_spark.report.target_tables import parts_table
from bfpack_spark.report.words import count, mean, seconds, setting, share, size, why_dropped
from bfpack_spark.spark.costs import StageCost
from bfpack_spark.versions.manifests import SequencesAccounting, SequencesManifest, TokensManifest

_LEFT_OUT_SHOWN = 100


def accounting_section(
    accounting: SequencesAccounting, long_documents: LongDocuments, name: str = "", way: str = ""
) -> Section:
    """Return where every document and token went that came in, by this policy."""
    padding = accounting.num_padding
    places = accounting.num_tokens_packed + padding
    return Section(
        name=f"accounting-{name or accounting.seq_len}",
        title=f"What went in and came out{way and f', at {way}'}",
        notes=[
            f"{count(accounting.num_tokens_packed)} tokens were packed into "
            f"{count(accounting.num_sequences)} sequences of {count(accounting.seq_len)}, "
            f"with {count(padding)} tokens of padding ({share(padding, places)}). "
            f"The documents have {count(accounting.num_tokens)} tokens before --long-documents "
            f"leaves any out; {count(accounting.num_tokens_inserted)} of these are EOS or BOS that "
            "were put in, once a document.",
            *_of_options(accounting),
        ],
        tables=[_documents(accounting, long_documents), _tokens(accounting)],
    )


def _of_options(accounting: SequencesAccounting) -> list[str]:
    """Return a sentence for each option for long contexts that added tokens or rows."""
    repeated, bos = accounting.num_tokens_repeated, accounting.num_bos_at_fragments
    added = {
        "of the tokens packed are repeated by --overlap.": repeated,
        "of the tokens packed are BOS before fragments that go on.": bos,
        "of the sequences are padding alone.": accounting.num_padding_sequences,
    }
    return [f"{count(number)} {said}" for said, number in added.items() if number]


def _documents(accounting: SequencesAccounting, long_documents: LongDocuments) -> Table:
    whole = accounting.num_documents_packed - accounting.num_documents_cut
    in_pieces = accounting.num_documents_cut - accounting.num_documents_truncated
    refused = accounting.num_documents_quarantined
    parts = {
        "packed, whole": whole,
        "packed, in pieces": in_pieces,
        "packed, truncated": accounting.num_documents_truncated,
        f"dropped: {why_dropped(long_documents)}": accounting.num_documents_dropped,
        "empty": accounting.num_documents_empty,
        **{f"quarantined: {reason}": n for reason, n in sorted(refused.items())},
    }
    return parts_table("Documents", "came in", accounting.num_documents_in, parts)


def _tokens(accounting: SequencesAccounting) -> Table:
    again = accounting.num_tokens_repeated + accounting.num_bos_at_fragments
    parts = {
        "packed": accounting.num_tokens_packed - again,
        "truncated": accounting.num_tokens_truncated,
        "dropped": accounting.num_tokens_dropped,
    }
    return parts_table("Tokens", "of the documents", accounting.num_tokens, parts)


def lengths_section(stats: CorpusStats) -> Section:
    """Return how long the documents are."""
    return Section(
        name="lengths-of-documents",
        title="Lengths",
        notes=[f"{mean(stats.mean_length)} tokens a document on average."],
        figures=[lengths_figure(stats)],
        tables=[quantiles_table(stats)],
    )


def sequences_section(stats: CorpusStats, at: PackingStats) -> Section:
    """Return how full the sequences are, and of how many fragments they are made."""
    if at.fragments is None or at.padding is None:
        note = "By concatenation the order of the documents decides how many share a sequence."
        return Section(name="sequences", title="Sequences", notes=[note])
    figure = fragments_figure(stats, at, at.fragments)
    return Section(
        name="sequences",
        title="Sequences",
        notes=[figure.description],
        figures=[figure],
        tables=[padding_table(at, at.padding)],
    )


def groups_section(histogram: Histogram, rules: Rules) -> Section:
    """Return how alike the groups are, as they are dealt and packed. This follows from lengths
    alone, and is exact. Time: that of the packer on counts, once for each group."""
    # Three numbers a group: thousands of groups with their fragments by length would be gigabytes.
    sizes = [
        (group.num_documents, group.num_tokens, group.num_sequences)
        for group in packed_groups(histogram, rules)
    ]
    why = (
        "A group is what one call of the packer sees, so that it fits into the memory of a worker. "
        "--group-documents-max sets its size; larger groups pack a little tighter."
    )
    if len(sizes) == 1:
        note = "One group: the packer saw all documents at once."
        return Section(name="groups", title="Groups", notes=[why, note])
    rows: list[Row] = [
        (name, *(count(v) for v in (min(values), sum(values) / len(values), max(values))))
        for name, values in zip(
            ("documents", "tokens", "sequences"), zip(*sizes, strict=True), strict=True
        )
    ]
    return Section(
        name="groups",
        title="Groups",
        notes=[
            why,
            f"There are {count(len(sizes))} groups. Documents were dealt to them so that "
            "their histograms of lengths differ by at most one document a length.",
        ],
        tables=[
            Table(caption="Size of a group", head=("", "fewest", "mean", "most"), rows=rows),
        ],
    )


def shards_section(manifest: SequencesManifest) -> Section:
    shards = manifest.files_of("shards")
    rows: list[Row] = []
    for name, words in (("rows", count), ("tokens", count), ("bytes", size)):
        values = [int(getattr(entry, name)) for entry in shards]
        whole = sum(values)
        wanted = (min(values), whole / len(values), max(values), whole)
        rows.append(("size" if name == "bytes" else name, *map(words, wanted)))
    return Section(
        name="shards",
        title="Shards",
        figures=[shards_figure(manifest)],
        tables=[
            Table(
                caption=f"Size of {count(len(shards))} shards",
                head=("", "smallest", "mean", "largest", "all"),
                rows=rows,
            )
        ],
    )


def configuration_section(manifest: SequencesManifest, tokens: TokensManifest) -> Section:
    """Return all that decides the result, and its fingerprint."""
    inputs = tokens.inputs
    settings = {"seq_len": manifest.seq_len, **manifest.inputs.configuration.as_json()}
    return Section(
        name="configuration",
        title="Configuration and fingerprint",
        notes=[
            "The fingerprint is the sha256 of all that decides the result; its first 16 digits "
            "name the version. The same settings and input give the same fingerprint and bytes."
        ],
        tables=[
            pairs_table("Sequences", {"fingerprint": manifest.fingerprint, **settings}),
            pairs_table(
                "Tokens",
                {
                    "fingerprint": tokens.fingerprint,
                    **inputs.configuration.as_json(),
                    "input files": len(inputs.inventory),
                },
            ),
            pairs_table(
                "Tokenizer", {"sha256": inputs.tokenizer_sha256, **manifest.tokenizer.as_json()}
            ),
            *_left_out(tokens),
        ],
    )


def _left_out(tokens: TokensManifest) -> list[Table]:
    """Return what was visible in the input and was not read, or no table if all was read."""
    left_out = tokens.left_out
    rows: list[Row] = [(left.name, left.reason) for left in left_out[:_LEFT_OUT_SHOWN]]
    if not rows:
        return []
    files = f"{count(len(left_out))} file{'s' * (len(left_out) > 1)}"
    shown = f"; the first {len(rows)}" if len(rows) < len(left_out) else ""
    caption = f"Visible in the input and left out: {files}{shown}"
    return [Table(caption=caption, head=("file", "reason"), rows=rows, prose=True)]


def configurations_section(versions: Sequence[SequencesManifest], names: Table) -> Section:
    """Return what decided several versions, and their names."""
    configurations = [manifest.inputs.configuration.as_json() for manifest in versions]
    values = {
        name: ", ".join(dict.fromkeys(setting(one.get(name)) for one in configurations))
        for name in dict.fromkeys(chain.from_iterable(configurations))
    }
    return Section(
        name="configuration",
        title="Configuration and versions",
        notes=["A version is named by the first 16 digits of its fingerprint."],
        tables=[pairs_table("Sequences", values), names],
    )


def pairs_table(caption: str, values: dict[str, Any]) -> Table:
    rows: list[Row] = [(name, setting(value)) for name, value in values.items()]
    return Table(caption=caption, head=(), rows=rows, prose=True)


def costs_section(run: RunFacts | None) -> Section:
    """Return the time and CPU of the runs that made a version."""
    if run is None or not run.costs:
        note = "The run that made this version left no account of its time."
        return Section(name="costs", title="Time and CPU", notes=[note])
    rows = [(_stage(cost), *_cost_cells([cost], run.costs)) for cost in run.costs]
    return Section(
        name="costs",
        title="Time and CPU",
        notes=[
            "The stages of the runs that made this version. A token store that was there took no "
            "time. " + _CLOCKS
        ],
        tables=[
            _costs_table(f"By stage, finished {run.finished}", rows),
            pairs_table("The driver's machine", run.machine),
        ],
    )


def sum_of_costs_section(costs: Sequence[StageCost], told: int, asked: int) -> Section:
    """Return the time and CPU of the runs that made several versions, by stage."""
    rows = [
        (name, *_cost_cells([cost for cost in costs if cost.stage == name], costs))
        for name in dict.fromkeys(cost.stage for cost in costs)
    ]
    return Section(
        name="costs",
        title="Time and CPU",
        notes=[f"These runs made {count(told)} of the {count(asked)} versions. " + _CLOCKS],
        tables=[_costs_table("By stage", rows)] if rows else [],
    )


_CLOCKS = (
    "CPU is that of all processes on the driver's machine, and known where Spark ran in local "
    "mode; the tasks' time is how long they held a core, on whichever machine."
)


def _costs_table(caption: str, rows: Sequence[Row]) -> Table:
    return Table(caption=caption, head=("stage", "wall", "CPU", "Spark tasks"), rows=[*rows])


def _stage(cost: StageCost) -> str:
    return cost.stage if cost.seq_len is None else f"{cost.stage} {count(cost.seq_len)}"


def _cost_cells(costs: Sequence[StageCost], every: Sequence[StageCost]) -> Row:
    wall, whole = sum(c.seconds for c in costs), sum(c.seconds for c in every)
    return (
        Cell(text=seconds(wall), bar=wall / whole if whole else 0.0),
        seconds(sum_known([c.cpu_seconds for c in costs])),
        seconds(sum_known([c.task_seconds for c in costs])),
    )
