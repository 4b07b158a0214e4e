"""The page of a mixture: how many rows and epochs of each bucket it has, and how many documents
packing has cut."""

from collections.abc import Mapping
from fractions import Fraction

from bfpack_spark.printable import counted
from bfpack_spark.report.comparison import COLUMNS
from bfpack_spark.report.layout import Cell, Page, Row, Section, Table
from bfpack_spark.report.words import count, mean, percent, share
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.mixtures import Mixture


def mixture_page(output: str, mixture: Mixture) -> Page:
    """Return the page of a mixture. Raises InputError if one of its versions is gone."""
    versions = {
        home.bucket: publication.current_sequences(home, held.version)[1]
        for home, held in mixture.entries(output)
    }
    rows = sum(bucket.rows_drawn for bucket in mixture.buckets.values())
    return Page(
        title=f"Mixture {mixture.name}",
        lead=f"{counted(len(versions), 'bucket')} as one stream of sequences of "
        f"{count(mixture.seq_len)}.{_continued(mixture)}",
        facts=[("rows", count(rows)), ("tokens, with padding", count(rows * mixture.seq_len))],
        sections=[
            Section(
                name="buckets",
                title="Buckets",
                notes=[
                    "Rows are equal in tokens, so weights are those of tokens. In each epoch a "
                    "bucket's rows come in another order."
                ],
                tables=[_drawn_table(mixture, rows), _cuts_table(versions)],
            ),
            Section(name="configuration", title="Configuration", tables=[_configuration(mixture)]),
        ],
    )


def _continued(mixture: Mixture) -> str:
    if mixture.continues is None:
        return ""
    position, older = mixture.continues.position, mixture.continues.mixture
    return f" It goes on behind position {count(position)} of {older}."


def _drawn_table(mixture: Mixture, rows: int) -> Table:
    buckets, seq_len = mixture.buckets, mixture.seq_len
    most = max(each.rows_drawn for each in buckets.values())
    weights = sum(Fraction(each.weight) for each in buckets.values())
    lines: list[Row] = [
        (
            name,
            percent(float(Fraction(each.weight) / weights)),
            Cell(text=share(each.rows_drawn, rows), bar=each.rows_drawn / most),
            count(each.rows_drawn),
            count(each.rows_drawn * seq_len),
            count(each.rows),
            mean(each.rows_drawn / each.rows),
        )
        for name, each in buckets.items()
    ]
    return Table(
        caption="What is drawn",
        head=("bucket", "weight", "share", "rows", "tokens, with padding", "rows there", "epochs"),
        rows=lines,
        foot=(f"all {count(len(buckets))}", "", "", count(rows), count(rows * seq_len), "", ""),
    )


def _cuts_table(versions: Mapping[str, SequencesManifest]) -> Table:
    """Return how many documents of each version are cut, and how many by concatenation."""
    columns = [
        COLUMNS[n] for n in ("documents", "documents cut", "cut by concatenation", "padding")
    ]
    return Table(
        caption="Documents of these versions that are cut",
        head=("bucket", "documents", "cut", "cut by concatenation", "padding"),
        rows=[(name, *(of(one.accounting) for of in columns)) for name, one in versions.items()],
    )


def _configuration(mixture: Mixture) -> Table:
    rows: list[Row] = [
        ("seed", str(mixture.seed)),
        ("tokenizer sha256", mixture.tokenizer_sha256),
        ("fingerprint", mixture.fingerprint),
        *((f"version of {name}", bucket.version) for name, bucket in mixture.buckets.items()),
    ]
    return Table(caption="What decides it", head=(), rows=rows, prose=True)
