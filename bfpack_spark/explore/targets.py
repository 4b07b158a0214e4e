"""Which tokens of a packed bucket are targets, for buckets with loss masks."""

from dataclasses import dataclass

from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Place


@dataclass(frozen=True, kw_only=True)
class TargetsAt:
    """The targets in the rows of a version of one seq_len."""

    seq_len: int
    num_targets: int  # that came, in the documents of the token store
    num_targets_packed: int
    target_share: float  # of the tokens that are packed
    whole_share: float  # packed documents that are whole, as a share of all packed ones
    num_sequences_without_target: int
    mean_targets: float  # of a row
    p1_targets: int
    p99_targets: int

    def text(self) -> str:
        """Return all of it in one line."""
        return (
            f"{100 * self.target_share:.1f} % of the tokens are targets, "
            f"{100 * self.whole_share:.4g} % of the documents are whole, "
            f"{self.num_sequences_without_target:,} rows have no target, a row has "
            f"{self.mean_targets:,.1f} targets (1 %: {self.p1_targets:,}, 99 %: "
            f"{self.p99_targets:,})"
        )


def targets_of(manifest: SequencesManifest) -> TargetsAt | None:
    """Return the targets of a version, or None if its documents have no loss masks."""
    account = manifest.accounting
    held = account.targets
    if held is None:
        return None
    return TargetsAt(
        seq_len=account.seq_len,
        num_targets=held.num_targets,
        num_targets_packed=held.num_targets_packed,
        target_share=held.num_targets_packed / max(account.num_tokens_packed, 1),
        whole_share=account.whole_share,
        num_sequences_without_target=held.num_sequences_without_target,
        mean_targets=held.mean_targets,
        p1_targets=held.p1_targets,
        p99_targets=held.p99_targets,
    )


def published_targets(output: str, bucket: str, seq_lens: tuple[int, ...]) -> tuple[TargetsAt, ...]:
    """Return the targets of the current version of each seq_len that is published."""
    places = (Place(output=output, bucket=bucket, seq_len=seq_len) for seq_len in seq_lens)
    manifests = map(publication.current_manifest, places)
    held = (targets_of(m) for m in manifests if isinstance(m, SequencesManifest))
    return tuple(targets for targets in held if targets is not None)
