"""Memory that was freed goes back to the system, where much of it was held for a moment."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Arrow's and the C library's; else they keep it, and a worker is as large as ever."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
