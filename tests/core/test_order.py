"""Stable orders of small integers are numpy's, whatever the width of the keys."""

import numpy as np
import pytest

from bfpack_spark.core.order import stable_order


@pytest.mark.parametrize("largest", [0, 1, 255, 256, 65_535, 65_536, 2**31, 2**40])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_the_order_is_stable_at_every_width(largest: int, kind: type) -> None:
    some = np.minimum(np.random.default_rng(0).integers(0, 40, 500) * (largest // 30 + 1), largest)
    keys = some[some <= np.iinfo(kind).max].astype(kind)
    assert stable_order(keys).tolist() == sorted(range(len(keys)), key=keys.tolist().__getitem__)


def test_no_keys_have_an_order() -> None:
    assert stable_order(np.empty(0, np.int32)).tolist() == []
