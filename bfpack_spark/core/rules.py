"""All that decides a plan apart from the documents."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeAlias

from bfpack_spark.core.fragments import LongDocuments

PackingRule: TypeAlias = Literal["best_fit", "concat"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The options that decide a plan. Each field has the name of its option. Those with a default
    are off by default."""

    seq_len: int
    packing: PackingRule
    long_documents: LongDocuments
    group_documents_max: int
    seed: int
    max_documents: int | None = None  # of a sequence

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
        if self.packing == "concat" and self.max_documents is not None:
            raise ValueError(
                f"--max-documents {self.max_documents}: --packing concat cuts one stream of all "
                "documents and cannot limit them; choose best_fit or leave it out"
            )
