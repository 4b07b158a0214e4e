"""The tables of statistics: one function a table gives its headings and rows, as a terminal and a
page show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from bfpack_spark.core.estimates import CONFIDENCE
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.length_classes import LengthClass
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.cut_tables import (
    context_table,
    cuts_table,
    options_tables,
    overlaps_table,
    rows_table,
)
from bfpack_spark.report.headlines import about
from bfpack_spark.report.layout import Cell, Row, Table
from bfpack_spark.report.reference_tables import references_table
from bfpack_spark.report.target_tables import targets_table
from bfpack_spark.report.words import count, mean, percent, share, span

Column: TypeAlias = Callable[[PackingStats], str]

# Columns that say what a row is about.
_NAMES = ("seq_len", "policy", "tokens", "option", "--overlap")
_LARGEST = "100%"


def tables_of(stats: CorpusStats) -> list[Table]:
    """Return the tables that sum up the statistics of a bucket: one, and for a sample how far it
    may be off. If it was asked for, also what options for long contexts cost, how even rows are
    on ranks, and which mentions are out of sight."""
    by_seq_len = _by_seq_len(stats)
    estimates = [estimates_table(stats)] if stats.estimates else []
    balance = [_with_about(stats, rows_table(by_seq_len))] if _is_balanced(stats) else []
    references = [references_table(stats.references)] if stats.references else []
    choice = _with_about(stats, choice_table(by_seq_len))
    options = [_with_about(stats, table) for table in options_tables(by_seq_len)]
    targets = [targets_table(stats.targets)] if stats.targets else []
    return [choice, *options, *targets, *estimates, *balance, *references]


def detailed_tables_of(stats: CorpusStats) -> list[Table]:
    """Return all other tables."""
    by_seq_len = _by_seq_len(stats)
    tables = [
        sequences_table(by_seq_len),
        shapes_table(by_seq_len),
        context_table(by_seq_len),
        *([] if _is_balanced(stats) else [rows_table(by_seq_len)]),
        policies_table(stats),
        overlaps_table(by_seq_len),
        cuts_table(stats.at),
    ]
    return [_with_about(stats, table) for table in tables]


def _is_balanced(stats: CorpusStats) -> bool:
    """Return whether the statistics tell how even the rows of ranks are."""
    return any(at.plan.balance is not None for at in stats.at)


def _with_about(stats: CorpusStats, table: Table) -> Table:
    """Return a table that says "about" before each number of a sample, and that has nothing of the
    largest one, which a sample does not tell."""
    if not stats.is_estimated:
        return table
    shown = [number for number, name in enumerate(table.head) if name != _LARGEST]
    rows: list[Row] = [
        tuple(row[at] if table.head[at] in _NAMES else about(stats, str(row[at])) for at in shown)
        for row in table.rows
    ]
    return replace(table, head=tuple(table.head[at] for at in shown), rows=rows)


def _by_seq_len(stats: CorpusStats) -> dict[str, PackingStats]:
    return {count(at.seq_len): at for at in stats.at}


def choice_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what decides between seq_lens, by the name of each packing. The tokens that a policy
    leaves out have a column if there are any."""
    some = any(at.plan.accounting.num_tokens_left_out for at in packings.values())
    return _by_packing("Choosing a seq_len", packings, _CHOICE | (_LEFT_OUT if some else {}))


def sequences_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what each packing comes to, by its name."""
    return _by_packing("Sequences and documents cut", packings, _SEQUENCES)


def shapes_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what each packing makes of documents and sequences, by its name."""
    caption = (
        "Cuts of a document, and those of concatenation that best fit does without; fragments of a "
        "sequence; attention within documents as a share of full causal attention"
    )
    return _by_packing(caption, packings, _SHAPES)


def _by_packing(
    caption: str, packings: Mapping[str, PackingStats], columns: Mapping[str, Column]
) -> Table:
    rows: list[Row] = [
        (name, *(column(at) for column in columns.values())) for name, at in packings.items()
    ]
    return Table(caption=caption, head=("seq_len", *columns), rows=rows)


def _with_share(number: float, whole: float) -> str:
    return f"{number:,.0f} ({share(number, whole)})"


def _quantile(at: PackingStats, part: float) -> str:
    return "" if at.fragments is None else count(at.fragments.quantile(part))


_CUT: dict[str, Column] = {
    "documents cut": lambda at: _with_share(
        at.plan.num_documents_cut, at.plan.accounting.num_documents
    ),
    "cut by concatenation": lambda at: _with_share(
        at.concat.num_documents_cut, at.concat.accounting.num_documents
    ),
}
_CHOICE: dict[str, Column] = {
    "sequences": lambda at: count(at.plan.accounting.num_sequences),
    **_CUT,
    "padding": lambda at: percent(at.plan.padding_share),
    "tokens in cut documents": lambda at: share(
        at.plan.num_tokens_in_cut_documents, at.plan.accounting.num_tokens
    ),
}
_LEFT_OUT: dict[str, Column] = {
    "tokens left out": lambda at: _with_share(
        at.plan.accounting.num_tokens_left_out, at.plan.accounting.num_tokens
    ),
}
_SEQUENCES: dict[str, Column] = {
    "sequences": lambda at: count(at.plan.accounting.num_sequences),
    "by concatenation": lambda at: count(at.concat.accounting.num_sequences),
    "lower bound": lambda at: count(at.plan.accounting.lower_bound),
    "over the bound": lambda at: percent(at.plan.accounting.overhead),
    "more than concatenation": lambda at: percent(at.more_sequences),
    "padding": lambda at: percent(at.plan.padding_share),
    **_CUT,
}
_SHAPES: dict[str, Column] = {
    "cuts, packed": lambda at: mean(at.plan.truncations),
    "cuts, concatenated": lambda at: mean(at.concat.truncations),
    "unnecessary cuts": lambda at: (
        f"{count(at.num_unnecessary)} ({percent(at.unnecessary_share)} of concatenation's)"
    ),
    "fragments, mean": lambda at: f"{at.plan.fragments:.2f}",
    "50%": lambda at: _quantile(at, 0.5),
    "99%": lambda at: _quantile(at, 0.99),
    _LARGEST: lambda at: _quantile(at, 1.0),
    "attention, packed": lambda at: percent(at.plan.attention_share),
    "attention, concatenated": lambda at: percent(at.concat.attention_share),
}


def policies_table(stats: CorpusStats) -> Table:
    """Return what each policy for long documents makes of them, at each seq_len."""
    rows: list[Row] = [
        (
            count(at.seq_len),
            policy,
            count(effect.num_documents_cut),
            count(effect.num_documents_dropped),
            _with_share(effect.num_tokens_packed, stats.num_tokens),
            count(effect.num_tokens_truncated),
            count(effect.num_tokens_dropped),
        )
        for at in stats.at
        for policy, effect in at.policies.items()
    ]
    return Table(
        caption="What becomes of documents longer than seq_len",
        head=(
            *("seq_len", "policy", "documents cut", "documents dropped"),
            *("tokens packed", "tokens truncated", "tokens dropped"),
        ),
        rows=rows,
    )


_COUNTS = ("num_documents", "num_tokens", "lower_bound")
# What the other tables call an estimate, by its name in JSON and CSV.
_ESTIMATES = {
    "num_documents": "documents",
    "num_tokens": "tokens",
    "mean_length": "tokens a document",
    "lower_bound": "sequences, lower bound",
    "cut_share": "documents cut",
    "truncations": "cuts of a document, packed",
    "concat_cut_share": "cut by concatenation",
    "concat_truncations": "cuts of a document, concatenated",
}


def estimates_table(stats: CorpusStats) -> Table:
    """Return how far the numbers of a sample may be off."""
    rows: list[Row] = []
    for named in stats.estimates:
        form = "{:,.0f}" if named.name in _COUNTS else "{:,.4g}"
        times = 100 if named.name.endswith("share") else 1
        form = "{:.2f} %" if times == 100 else form
        seq_len = "" if named.seq_len is None else count(named.seq_len)
        estimate = named.estimate
        numbers = (estimate.value, estimate.low, estimate.high, estimate.standard_error)
        value, *others = (form.format(times * number) for number in numbers)
        rows.append((_ESTIMATES[named.name], seq_len, about(stats, value), *others))
    return Table(
        caption=f"How far the sample may be off ({CONFIDENCE:.0%} intervals)",
        head=("what", "seq_len", "estimate", "from", "to", "standard error"),
        rows=rows,
    )


def lengths_table(stats: CorpusStats, classes: Sequence[LengthClass]) -> Table:
    """Return the documents and tokens by length, and the share of tokens up to each length."""
    reached = stats.histogram.totals_up_to(np.array([one.up_to for one in classes]))
    rows: list[Row] = [
        (
            *(span(one.above + 1, one.up_to), count(one.num_documents)),
            *(count(one.num_tokens), percent(up_to)),
        )
        for one, up_to in zip(classes, reached.tolist(), strict=True)
    ]
    head = ("tokens", "documents", "tokens of these", "cumulative")
    return Table(caption="Documents and tokens by length", head=head, rows=rows)


def quantiles_table(stats: CorpusStats) -> Table:
    """Return how long the documents are at each share of them, in tokens and in seq_lens."""
    rows: list[Row] = [
        (f"{100 * q:g} %", count(length), mean(length / stats.at[0].seq_len))
        for q, length in stats.quantiles.items()
    ]
    head = ("documents", "tokens", "seq_lens")
    return Table(caption="This share of the documents has at most", head=head, rows=rows)


def padding_table(at: PackingStats, padding: Histogram) -> Table:
    """Return the sequences by the part of them that is padding."""
    limits = [("none", -1, 0.0), ("up to 1 %", 0.0, 0.01), ("1 to 10 %", 0.01, 0.1)]
    limits += [("more than 10 %", 0.1, 1.0)]
    whole = at.plan.accounting.num_sequences
    rows: list[Row] = []
    for name, above, up_to in limits:
        within = (padding.values > above * at.seq_len) & (padding.values <= up_to * at.seq_len)
        sequences = int(padding.counts[within].sum())
        tokens = int((padding.values * padding.counts)[within].sum())
        bar = Cell(text=share(sequences, whole), bar=sequences / max(whole, 1))
        rows.append((name, count(sequences), bar, count(tokens)))
    return Table(
        caption="Sequences by their padding",
        head=("padding", "sequences", "share", "tokens of padding"),
        rows=rows,
        foot=("all", count(whole), "", count(at.plan.accounting.num_padding)),
    )
