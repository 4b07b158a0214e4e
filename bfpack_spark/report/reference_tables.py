"""The tables of mentions that are in another row than what they refer to."""

from bfpack_spark.core.estimates import Estimate
from bfpack_spark.explore.references import References
from bfpack_spark.printable import counted
from bfpack_spark.report.layout import Row, Table
from bfpack_spark.report.words import count, percent

_CAPTIONS = {
    "python": "Uses of Python's names that are bound in another row",
    "words": "Identifiers and capitalised words whose last mention is in another row",
    "headings": "Tokens whose heading is in another row",
}


def about_references(references: References) -> str:
    """Return what was looked through, in one line."""
    kinds = ", ".join(f"{count(number)} {kind}" for kind, number in references.kinds.items())
    apart = ", ".join(
        f"{100 * share:g} % within {count(tokens)}"
        for share, tokens in references.distances.items()
    )
    no_python = f"; {count(references.num_not_parsed)} of them no Python"
    return (
        f"{counted(references.num_mentions, 'mention')} in "
        f"{counted(references.num_documents, 'document')}"
        f"{no_python if references.num_not_parsed else ''}"
        + (f": {kinds}; tokens from what is mentioned: {apart}" if references.kinds else "")
    )


def references_table(references: References) -> Table:
    """Return the shares out of sight at each seq_len, of all mentions, of those in documents that
    fit, of documents with any, and by kind."""
    rows: list[Row] = []
    for at in references.at:
        parts = {"all": at.mentions, "in documents that fit": at.fitting}
        parts |= {f"of kind: {kind}": own for kind, own in at.by_kind.items()}
        parts |= {"documents with any": at.documents}
        rows += [
            (
                *(count(at.seq_len), name),
                *map(_share, (own.by_best_fit, own.by_concat, own.difference)),
            )
            for name, own in parts.items()
        ]
    return Table(
        caption=_CAPTIONS[references.kind],
        head=("seq_len", "mentions", "packed", "concatenated", "more by concatenation"),
        rows=rows,
    )


def _share(found: Estimate) -> str:
    """Return a share with its interval, if it has one: 12.0 % (10.1 to 13.9)."""
    if found.low == found.high:
        return percent(found.value)
    return f"{percent(found.value)} ({100 * found.low:.1f} to {100 * found.high:.1f})"
