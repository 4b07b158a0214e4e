"""Which tokens of a packed bucket are targets, for buckets with loss masks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from bfpack_spark.core.accounting import sum_of
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home


@dataclass(frozen=True, kw_only=True)
class TargetsAt:
    """The targets in the rows of a version of one seq_len."""

    seq_len: int
    num_targets: int  # that came, in the documents of the token store: the sum of the next four
    num_targets_packed: int
    num_targets_truncated: int
    num_targets_dropped: int
    num_targets_at_cuts: int  # a cut made them the first of a segment
    num_tokens_packed: int
    num_documents_packed: int
    num_documents_whole: int  # of the packed ones
    num_sequences: int
    num_sequences_without_target: int
    p1_targets: int | None  # of a row; None: of several buckets together it is not known
    p99_targets: int | None
    # Of documents that did not come into the token store; None: an earlier build did not count.
    num_targets_quarantined: int | None = None
    num_documents_with_unknown_targets: int | None = None
    num_padding_sequences: int = 0  # of the rows, those of padding alone

    @property
    def packed_share(self) -> float:
        """Return the targets that are packed, as a share of those that came."""
        return self.num_targets_packed / max(self.num_targets, 1)

    @property
    def target_share(self) -> float:
        """Return the targets, as a share of the tokens that are packed."""
        return self.num_targets_packed / max(self.num_tokens_packed, 1)

    @property
    def whole_share(self) -> float:
        """Return the packed documents that are whole, as a share of all packed ones."""
        packed = self.num_documents_packed
        return self.num_documents_whole / packed if packed else 1.0

    @property
    def mean_targets(self) -> float:
        """Return the targets of a row with documents, on average."""
        return self.num_targets_packed / max(self.num_sequences - self.num_padding_sequences, 1)

    def text(self) -> str:
        """Return all of it in one line."""
        return (
            f"{100 * self.target_share:.1f} % of the tokens are targets, "
            f"{100 * self.whole_share:.4g} % of the documents are whole, "
            f"{self.num_sequences_without_target:,} rows have no target, a row has "
            f"{self.mean_targets:,.1f} targets{self._quantiles()}"
        )

    def _quantiles(self) -> str:
        if self.p1_targets is None or self.p99_targets is None:
            return ""
        return f" (1 %: {self.p1_targets:,}, 99 %: {self.p99_targets:,})"

    def as_json(self) -> dict[str, float | None]:
        """Return all numbers by name, with the shares."""
        shares = ("packed_share", "target_share", "whole_share", "mean_targets")
        return asdict(self) | {name: getattr(self, name) for name in shares}


def targets_of(manifest: SequencesManifest) -> TargetsAt | None:
    """Return the targets of a version, or None if its documents have no loss masks."""
    account = manifest.accounting
    held = account.targets
    if held is None:
        return None
    whole = account.num_documents_packed - account.num_documents_cut
    known = {**vars(account), **vars(held), "num_documents_whole": whole}
    return TargetsAt(**{field.name: known[field.name] for field in fields(TargetsAt)})


def published_targets(output: str, bucket: str, seq_lens: tuple[int, ...]) -> tuple[TargetsAt, ...]:
    """Return the targets of the current version of each seq_len that is published."""
    homes = (Home(output=output, bucket=bucket, seq_len=seq_len) for seq_len in seq_lens)
    manifests = map(publication.current_manifest, homes)
    held = (targets_of(m) for m in manifests if isinstance(m, SequencesManifest))
    return tuple(targets for targets in held if targets is not None)


def sum_of_targets(parts: Sequence[TargetsAt]) -> TargetsAt:
    """Return the targets of several buckets together, at one seq_len."""
    alike = ("seq_len", "p1_targets", "p99_targets")
    return replace(sum_of(parts, *alike), p1_targets=None, p99_targets=None)
