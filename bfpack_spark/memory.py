"""Giving freed memory back to the system after much of it was held for a short time."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Give back the free memory of Arrow and the C library, which a worker would keep otherwise."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
    if trim is not None:
        trim(0)
