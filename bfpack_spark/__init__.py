"""Best-fit packing of whole documents into training sequences, on Spark.

`pack` and `verify` are found when they are asked for. So importing another part of the package,
such as what reads the sequences for a training run, brings no Spark.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bfpack_spark.notebooks import pack, verify

__all__ = ["pack", "verify"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bfpack_spark.notebooks"), name)
