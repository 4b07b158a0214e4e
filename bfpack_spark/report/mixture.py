"""The page of a mixture: how many rows and epochs of each bucket it has, and how many documents
packing has cut."""

from dataclasses import dataclass
from fractions import Fraction

from bfpack_spark.printable import counted
from bfpack_spark.report.comparison import COLUMNS
from bfpack_spark.report.layout import Cell, Page, Row, Section, Table
from bfpack_spark.report.words import count, mean, percent, share
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesAccounting
from bfpack_spark.versions.mixtures import MixedBucket, Mixture
from bfpack_spark.versions.publication import Home


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A bucket in the mixture, and the accounting of its version."""

    name: str
    bucket: MixedBucket
    accounting: SequencesAccounting


def mixture_page(output: str, mixture: Mixture) -> Page:
    """Return the page of a mixture. Raises InputError if one of its versions is gone."""
    drawn = [
        _Drawn(name=name, bucket=bucket, accounting=_accounting(output, mixture, name))
        for name, bucket in mixture.buckets.items()
    ]
    rows = sum(each.bucket.rows_drawn for each in drawn)
    return Page(
        title=f"Mixture {mixture.name}",
        lead=f"{counted(len(drawn), 'bucket')} as one stream of sequences of "
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
                tables=[_drawn_table(drawn, rows, mixture.seq_len), _cuts_table(drawn)],
            ),
            Section(name="configuration", title="Configuration", tables=[_configuration(mixture)]),
        ],
    )


def _accounting(output: str, mixture: Mixture, bucket: str) -> SequencesAccounting:
    home = Home(output=output, bucket=bucket, seq_len=mixture.seq_len)
    version = mixture.buckets[bucket].version
    return publication.current_sequences(home, version)[1].accounting


def _continued(mixture: Mixture) -> str:
    if mixture.continues is None:
        return ""
    position, older = mixture.continues.position, mixture.continues.mixture
    return f" It goes on behind position {count(position)} of {older}."


def _drawn_table(drawn: list[_Drawn], rows: int, seq_len: int) -> Table:
    most = max(each.bucket.rows_drawn for each in drawn)
    weights = sum(Fraction(each.bucket.weight) for each in drawn)
    lines: list[Row] = [
        (
            each.name,
            percent(float(Fraction(each.bucket.weight) / weights)),
            Cell(text=share(each.bucket.rows_drawn, rows), bar=each.bucket.rows_drawn / most),
            count(each.bucket.rows_drawn),
            count(each.bucket.rows_drawn * seq_len),
            count(each.bucket.rows),
            mean(each.bucket.rows_drawn / each.bucket.rows),
        )
        for each in drawn
    ]
    return Table(
        caption="What is drawn",
        head=("bucket", "weight", "share", "rows", "tokens, with padding", "rows there", "epochs"),
        rows=lines,
        foot=(f"all {count(len(drawn))}", "", "", count(rows), count(rows * seq_len), "", ""),
    )


def _cuts_table(drawn: list[_Drawn]) -> Table:
    """Return how many documents of each version are cut, and how many by concatenation."""
    columns = [
        COLUMNS[n] for n in ("documents", "documents cut", "cut by concatenation", "padding")
    ]
    return Table(
        caption="Documents of these versions that are cut",
        head=("bucket", "documents", "cut", "cut by concatenation", "padding"),
        rows=[(each.name, *(of(each.accounting) for of in columns)) for each in drawn],
    )


def _configuration(mixture: Mixture) -> Table:
    rows: list[Row] = [
        ("seed", str(mixture.seed)),
        ("tokenizer sha256", mixture.tokenizer_sha256),
        ("fingerprint", mixture.fingerprint),
        *((f"version of {name}", bucket.version) for name, bucket in mixture.buckets.items()),
    ]
    return Table(caption="What decides it", head=(), rows=rows, prose=True)
