"""What verify says: what was checked, and each violation with its place."""

from dataclasses import dataclass

from bfpack_spark.explore.targets import TargetsAt
from bfpack_spark.printable import counted, one_line

# What each invariant promises.
PROMISES = {
    0: "all of the input was read",
    1: "every token of the input is packed once, or counted as left out",
    2: "a sequence has exactly seq_len tokens, with padding only at its end or up to --align",
    3: "a document that fits is whole",
    4: "sequences are as many as best fit makes, and shards are of one size",
    5: "manifest, plan and files agree",
    7: "targets are those of the input, and counted as they are",
}


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One thing that does not hold, and its place."""

    invariant: int
    problem: str
    shard: str | None = None  # or another file, relative to its version
    row: int | None = None
    document: str | None = None

    def text(self) -> str:
        where = {"shard": self.shard, "row": self.row, "document": self.document}
        named = ", ".join(f"{key} {value}" for key, value in where.items() if value is not None)
        promise = f"invariant {self.invariant} ({PROMISES[self.invariant]})"
        return one_line(f"{promise}: {self.problem}" + (f" ({named})" if named else ""))


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What --long-documents left out of the documents of the token store."""

    documents_dropped: int = 0
    documents_truncated: int = 0
    tokens: int = 0

    def text(self) -> str:
        """Return it as a part of a line, or nothing if nothing is left out."""
        dropped = counted(self.documents_dropped, "document")
        truncated = counted(self.documents_truncated, "document")
        numbers = {
            f"{dropped} dropped": self.documents_dropped,
            f"{truncated} truncated": self.documents_truncated,
            counted(self.tokens, "token"): self.tokens,
        }
        said = ", ".join(part for part, number in numbers.items() if number)
        return f"; left out: {said}" if said else ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What verify found in one version."""

    bucket: str
    seq_len: int
    version: str
    sequences: int
    tokens: int
    documents: int  # of the token store
    compared_with_text: int | None  # documents; None without --input
    not_compared: int  # documents of more than compared_bytes_max bytes of UTF-8
    violations: list[Violation]
    compared_bytes_max: int | None = None  # set with --input
    left_out: LeftOut = LeftOut()
    targets: TargetsAt | None = None  # set if documents have loss masks

    @property
    def holds(self) -> bool:
        return not self.violations

    def text(self) -> str:
        """Return one line if every invariant holds, otherwise a line for each violation."""
        what = f"{self.bucket} {self.seq_len} {self.version}"
        if not self.holds:
            return "\n".join(f"{what}: {violation.text()}" for violation in self.violations)
        with_text = ""
        if self.compared_with_text is not None:
            most = self.compared_bytes_max
            with_text = (
                f"; {self.compared_with_text:,} documents equal their text tokenized anew, "
                f"{self.not_compared:,} too large to compare"
                + ("" if most is None else f" (more than {most:,} bytes)")
            )
        with_targets = "" if self.targets is None else f"; {self.targets.text()}"
        packed = self.documents - self.left_out.documents_dropped
        return (
            f"{what}: every invariant holds for {self.sequences:,} sequences, "
            f"{self.tokens:,} tokens, {packed:,} documents packed{self.left_out.text()}"
            f"{with_text}{with_targets}"
        )
