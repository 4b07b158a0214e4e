"""Compressed files as plain bytes: all members, frames or streams to the file's last byte, or an
error.

Existing readers do less than that. pyarrow's stream refuses a zstd window of over 2^27 and zeros
behind gzip. zstandard's reader takes a file that was cut short for a whole one. Those of bz2 and
lzma drop whatever lies behind their first stream. So there is one loop here over four
decompressors, in portions of 256 kB, which is as fast as pyarrow's. A zstd frame that declares a
window of 2 GiB takes as much memory as it has content, up to 2 GiB.
"""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PADDED = ("gzip", "xz")  # zeros behind a member are allowed here
_ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, ValueError, MemoryError)


class Decompressor(Protocol):
    """A decompressor of one member, as bz2, lzma and compression.zstd have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib's decompressor, which by itself keeps no input that it has not used."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        # After a full portion there may be more output that needs no further input.
        self.needs_input = len(plain) < max_length and not self._member.unconsumed_tail
        return plain


_DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": _Gunzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 31}),
}


class Decompressed:
    """The plain bytes of a compressed file, in blocks. It raises OSError if the file is damaged."""

    def __init__(
        self,
        raw: IO[bytes],
        codec: str,
        *,
        compressed_bytes: int = 1 << 16,  # of one read
        plain_bytes: int = 1 << 18,  # of one block
    ) -> None:
        self._raw, self._codec = raw, codec
        self._compressed_bytes, self._plain_bytes = compressed_bytes, plain_bytes
        self.num_bytes = 0  # compressed bytes that were read

    def __iter__(self) -> Iterator[bytes]:
        rest = self._read()
        if not rest:
            raise OSError(f"it is empty, which no {self._codec} file is")
        number = 0
        while rest:
            number += 1
            member = _DECOMPRESSORS[self._codec]()
            try:
                yield from self._blocks(member, rest)
            except _ERRORS as error:
                raise OSError(f"{self._codec}, member {number}: {error}") from None
            rest = member.unused_data or self._read()
            while self._codec in _PADDED and rest.startswith(b"\0"):
                rest = rest.lstrip(b"\0") or self._read()

    def _blocks(self, member: Decompressor, rest: bytes) -> Iterator[bytes]:
        while not member.eof:
            if member.needs_input and not rest:
                rest = self._read()
                if not rest:
                    raise OSError("the file ends within it")
            block = member.decompress(rest, self._plain_bytes)
            rest = b""
            if block:
                yield block

    def _read(self) -> bytes:
        data = self._raw.read(self._compressed_bytes)
        self.num_bytes += len(data)
        return data
