"""Giving freed memory back to the system after much of it was held for a short time."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Give back the free memory of Arrow and of the C library. Otherwise they keep it, and a worker
    stays as large as it was."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
    if trim is not None:
        trim(0)
