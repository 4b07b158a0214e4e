"""All that decides a plan apart from the documents."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bfpack_spark.core.fragments import LongDocuments

PackingRule: TypeAlias = Literal["best_fit", "concat"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The options that decide a plan. Each field has the name of its option."""

    seq_len: int
    packing: PackingRule
    long_documents: LongDocuments
    group_documents_max: int
    seed: int
