"""All that decides a plan, but for the documents."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bfpack_spark.core.fragments import LongDocuments

PackingRule: TypeAlias = Literal["best_fit", "concat"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The options of a plan; each has the name of its option."""

    seq_len: int
    packing: PackingRule
    long_documents: LongDocuments
    group_documents_max: int
    seed: int
