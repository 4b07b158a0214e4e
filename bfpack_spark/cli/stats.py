"""What `bfpack stats` prints: tables for a terminal, or the same numbers as JSON, CSV or HTML."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from bfpack_spark import explore
from bfpack_spark.core.estimates import CONFIDENCE
from bfpack_spark.explore import CorpusStats, PackingStats, Sample
from bfpack_spark.explore.frames import frame
from bfpack_spark.printable import csv_cell, json_text, one_line
from bfpack_spark.report import layout as reported
from bfpack_spark.report.contents import pictures
from bfpack_spark.report.layout import Page, Section
from bfpack_spark.report.render import render
from bfpack_spark.report.words import span

if TYPE_CHECKING:
    import pandas as pd


def print_stats(found: list[CorpusStats], form: str | None) -> None:
    """Print on stdout in the form asked for: json, csv, html, or tables if it is None."""
    forms = {"json": _json, "csv": _csv, "html": page}
    if form is not None:
        click.echo(forms[form](found), nl=False)
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    for stats in found:
        click.echo("\n".join(_headline(stats)))
        for title, table in tables(stats, detailed=stats is found[-1]):
            _print(console, _rich(title, table))


def _print(console: Console, table: Table) -> None:
    """Print a table at least as wide as its numbers. A terminal that is narrower wraps the lines,
    and no line is cut short."""
    least = Measurement.get(console, console.options.update(max_width=1000), table).minimum
    console.print(table, width=max(console.width, least), crop=False)


def page(found: list[CorpusStats]) -> str:
    """Return the same tables as one HTML page that needs nothing from elsewhere. It has pictures of
    the last statistics, which are the total if there are several buckets."""
    last = found[-1]
    summaries = [
        Section(
            name=f"summary-{number}",
            title=_name(stats),
            notes=_headline(stats)[1:],
            tables=[_table(*named) for named in tables(stats, detailed=False)],
        )
        for number, stats in enumerate(found)
    ]
    in_detail = Section(
        name="detail", title="In detail", tables=[_table(*named) for named in _details(last)]
    )
    facts = [("documents", f"{last.num_documents:,}"), ("tokens", f"{last.num_tokens:,}")]
    lead = f"{_name(last)}, from lengths alone."
    sections = [*summaries, *pictures(last), in_detail]
    return render(Page(title="What packing comes to", lead=lead, facts=facts, sections=sections))


def tables(stats: CorpusStats, *, detailed: bool) -> Iterable[tuple[str, "pd.DataFrame"]]:
    """Yield the title and the text of each table."""
    if stats.estimates:
        yield f"How far the sample may be off ({CONFIDENCE:.0%} intervals)", _estimates(stats)
    yield "Sequences and documents cut", _by_seq_len(stats, _COSTS)
    yield (
        "Cuts of a document, fragments of a sequence, attention as a share of full causal",
        _by_seq_len(stats, _SHAPES),
    )
    if detailed:
        yield from _details(stats)


def _details(stats: CorpusStats) -> Iterable[tuple[str, "pd.DataFrame"]]:
    yield "What becomes of documents longer than seq_len", _policies(stats)
    yield "Cuts of a document by its length, packed / concatenated", _by_length(stats)


def _table(title: str, frame: "pd.DataFrame") -> reported.Table:
    rows = [tuple(row) for row in frame.itertuples(index=False, name=None)]
    return reported.Table(caption=title, head=tuple(frame.columns), rows=rows)


def _json(found: list[CorpusStats]) -> str:
    return json_text(explore.as_json(found), indent=1) + "\n"


def _csv(found: list[CorpusStats]) -> str:
    return str(explore.wide_frame(found).map(csv_cell).to_csv(index=False))


def _name(stats: CorpusStats) -> str:
    return one_line(stats.bucket or "all buckets, each packed on its own")


def _headline(stats: CorpusStats) -> list[str]:
    lengths = ", ".join(f"{100 * q:g}% {length:,}" for q, length in stats.quantiles.items())
    return [
        f"{_name(stats)}: {stats.num_documents:,} documents, {stats.num_tokens:,} tokens",
        *([_sampled(stats.sample)] if stats.sample else []),
        f"{stats.mean_length:,.1f} tokens a document; quantiles {lengths}",
        f"--packing {stats.rules.packing} --long-documents {stats.rules.long_documents}, against "
        "all documents whole, concatenated from a random start on (expectations)",
    ]


def _sampled(sample: Sample) -> str:
    refused = f"{sample.num_refused:,} of them refused" if sample.num_refused else "none refused"
    if not sample.num_draws:
        return f"all {sample.num_read:,} documents were read, {refused}; nothing is estimated"
    return (
        f"estimated from {sample.num_read:,} documents, {refused}, drawn at {sample.num_draws:,} "
        "random places; overhead and padding of so few lengths are rough"
    )


Cell = Callable[[PackingStats], str]


def _share(count: float, share: float) -> str:
    return f"{count:,.0f} ({share:.1%})"


def _quantile(at: PackingStats, share: float) -> str:
    return "" if at.fragments is None else f"{at.fragments.quantile(share):,}"


_COSTS: dict[str, Cell] = {
    "sequences": lambda at: f"{at.plan.accounting.num_sequences:,}",
    "by concatenation": lambda at: f"{at.concat.accounting.num_sequences:,}",
    "lower bound": lambda at: f"{at.plan.accounting.lower_bound:,}",
    "overhead": lambda at: f"{at.plan.accounting.overhead:.4%}",
    "padding": lambda at: f"{at.plan.padding_share:.4%}",
    "documents cut": lambda at: _share(at.plan.num_documents_cut, at.plan.cut_share),
    "cut by concatenation": lambda at: _share(at.concat.num_documents_cut, at.concat.cut_share),
}
_SHAPES: dict[str, Cell] = {
    "cuts, packed": lambda at: f"{at.plan.truncations:.4f}",
    "cuts, concatenated": lambda at: f"{at.concat.truncations:.4f}",
    "fragments, mean": lambda at: f"{at.plan.fragments:.2f}",
    "50%": lambda at: _quantile(at, 0.5),
    "99%": lambda at: _quantile(at, 0.99),
    "100%": lambda at: _quantile(at, 1.0),
    "attention, packed": lambda at: f"{at.plan.attention_share:.1%}",
    "attention, concatenated": lambda at: f"{at.concat.attention_share:.1%}",
}


def _by_seq_len(stats: CorpusStats, cells: dict[str, Cell]) -> "pd.DataFrame":
    rows = [
        {"seq_len": f"{at.seq_len:,}", **{name: cell(at) for name, cell in cells.items()}}
        for at in stats.at
    ]
    return frame(rows)


def _policies(stats: CorpusStats) -> "pd.DataFrame":
    whole = max(stats.num_tokens, 1)
    rows = [
        {
            "seq_len": f"{at.seq_len:,}",
            "policy": policy,
            "documents cut": f"{effect.num_documents_cut:,}",
            "documents dropped": f"{effect.num_documents_dropped:,}",
            "tokens packed": _share(effect.num_tokens_packed, effect.num_tokens_packed / whole),
            "tokens truncated": f"{effect.num_tokens_truncated:,}",
            "tokens dropped": f"{effect.num_tokens_dropped:,}",
        }
        for at in stats.at
        for policy, effect in at.policies.items()
    ]
    return frame(rows)


def _by_length(stats: CorpusStats) -> "pd.DataFrame":
    rows = []
    for classes in zip(*(at.by_length for at in stats.at), strict=True):
        own = classes[0]
        row = {"tokens": span(own.above + 1, own.up_to)}
        row["documents"] = f"{own.num_documents:,}"
        for at, cut in zip(stats.at, classes, strict=True):
            both = f"{cut.truncations:,.2f} / {cut.truncations_by_concat:,.2f}"
            row[f"{at.seq_len:,}"] = both
        rows.append(row)
    return frame(rows)


def _estimates(stats: CorpusStats) -> "pd.DataFrame":
    rows = []
    for own in stats.estimates:
        form = "{:.2%}" if own.name.endswith("share") else "{:,.4g}"
        form = "{:,.0f}" if own.estimate.value >= 1000 else form
        low, high = own.estimate.low, own.estimate.high
        rows.append(
            {
                "what": own.name,
                "seq_len": "" if own.seq_len is None else f"{own.seq_len:,}",
                "estimate": form.format(own.estimate.value),
                "from": form.format(low),
                "to": form.format(high),
                "standard error": form.format(own.estimate.standard_error),
            }
        )
    return frame(rows)


def _rich(title: str, frame: "pd.DataFrame") -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in frame.columns:
        table.add_column(name, justify="right")
    for row in frame.itertuples(index=False):
        table.add_row(*row)
    return table
