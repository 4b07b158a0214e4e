"""Two packed rows that can be checked by eye: EOS 0, padding 9, seq_len 4."""

import numpy as np

from bfpack_spark.exporting.rows import Rows

# [5 0 | 7 0]   [6 0 | 9 9 padding]
ROWS = Rows(
    first=3,
    ids=np.array([[5, 0, 7, 0], [6, 0, 9, 9]], dtype=np.int32),
    num_segments=np.array([2, 2]),
    seq_lengths=np.array([2, 2, 2, 2], dtype=np.int32),
    is_padding=np.array([False, False, False, True]),
    num_tokens=6,
)
