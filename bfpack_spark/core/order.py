"""Stable orders of small integers.

numpy sorts keys of 8 and 16 bits by radix, longer ones by comparison: a million places among 500
take 9 ns each as 16 bits, 50 as 32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64


def stable_order(keys: npt.NDArray[np.integer[Any]]) -> Int64:
    """np.argsort(keys, kind="stable") of keys >= 0."""
    largest = int(keys.max(initial=0))
    return np.argsort(keys.astype(np.min_scalar_type(largest)), kind="stable")
