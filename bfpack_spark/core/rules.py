"""All that decides a plan apart from the documents."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeAlias

from bfpack_spark.core.fragments import LongDocuments

PackingRule: TypeAlias = Literal["best_fit", "concat"]
BosAt: TypeAlias = Literal["document", "fragment"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The options that decide a plan. Each field has the name of its option. Those with a default
    are off by default."""

    seq_len: int
    packing: PackingRule
    long_documents: LongDocuments
    group_documents_max: int | None  # None: as core.groups.default_group_documents has it
    seed: int
    max_documents: int | None = None  # of a sequence
    bos_at: BosAt = "document"
    overlap: int = 0  # tokens that a later fragment repeats, by the policy slide
    align: int = 1  # each fragment begins at a multiple of it
    num_sequences_multiple: int = 1  # rows of padding make the sequences a multiple of it

    def num_padding_sequences(self, num_sequences: int) -> int:
        """Return how many rows of padding follow so many sequences: 5 at multiples of 4 -> 3."""
        return -num_sequences % self.num_sequences_multiple

    @property
    def bos(self) -> int:
        """Return the tokens of BOS before each fragment after a document's first, 0 or 1."""
        return int(self.bos_at == "fragment")

    @property
    def prefix(self) -> int:
        """Return the tokens with which each fragment after a document's first begins, and which are
        not new: BOS and what is repeated."""
        return self.bos + self.overlap

    @property
    def new_tokens(self) -> int:
        """Return the new tokens of a later fragment that is full."""
        return self.seq_len - self.prefix

    @classmethod
    def of(cls, options: object, **given: Any) -> "Rules":
        """Return the rules with these values, and the options' own for all other fields."""
        own = (each.name for each in fields(cls) if each.name not in given)
        return cls(**given, **{name: getattr(options, name) for name in own})

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the options that are off by default, with the values that mean off."""
        return {each.name: each.default for each in fields(cls) if each.default is not MISSING}

    def chosen(self) -> dict[str, Any]:
        """Return the options that are off by default, and are not off, with their values."""
        values = {name: getattr(self, name) for name in self.defaults()}
        return {name: value for name, value in values.items() if value != self.defaults()[name]}

    def check(self) -> None:
        """Raise ValueError, with the remedy, if the options contradict each other."""
        if self.packing == "concat":
            self._check_concat()
        if self.bos and self.long_documents not in ("split", "slide"):
            raise ValueError(
                f"--bos-at fragment: --long-documents {self.long_documents} makes no later "
                "fragments; choose split or slide, or leave it out"
            )
        if (self.long_documents == "slide") != (self.overlap > 0):
            raise ValueError(
                f"--long-documents {self.long_documents}, --overlap {self.overlap}: slide and the "
                "tokens that it repeats go together; give --long-documents slide --overlap N"
            )

    def check_seq_len(self) -> None:
        """Raise ValueError, with the remedy, if an option does not go with the seq_len."""
        if self.seq_len % self.align:
            upto = min(self.align, self.seq_len + 1)
            nearest = max(n for n in range(1, upto) if self.seq_len % n == 0)
            raise ValueError(
                f"--align {self.align}: does not divide --seq-len {self.seq_len}; the next smaller "
                f"one that does is {nearest}"
            )
        if self.seq_len <= self.bos:
            raise ValueError(
                f"--bos-at fragment: leaves no room for a new token at --seq-len {self.seq_len}; "
                "take a longer one, or leave the option out"
            )
        if self.prefix and self.new_tokens < 1:
            raise ValueError(
                f"--overlap {self.overlap}: leaves no room for a new token at --seq-len "
                f"{self.seq_len}; it can be {self.seq_len - self.bos - 1} at most"
            )

    def _check_concat(self) -> None:
        """Raise ValueError for an option that one stream of all documents cannot have."""
        refused = {
            "--max-documents": self.max_documents,
            "--align": self.align if self.align > 1 else None,
            "--bos-at": self.bos_at if self.bos else None,
            "--long-documents": "slide" if self.long_documents == "slide" else None,
        }
        for option, value in refused.items():
            if value is not None:
                raise ValueError(
                    f"{option} {value}: --packing concat cuts one stream of all documents where "
                    "rows end, and cannot do that; choose best_fit or leave it out"
                )
