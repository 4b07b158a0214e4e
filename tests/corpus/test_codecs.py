"""Compressed files: all of them to the last byte, or an error that names the file."""

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus.reading import TEXT, divided
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.corpus.codecs import Decompressed, zstd
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
ENDINGS = {"gzip": "gz", "bz2": "bz2", "xz": "xz", "zstd": "zst"}
CODECS = pytest.mark.parametrize("codec", COMPRESS)
LINES = [f'{{"text": "{number}"}}\n'.encode() for number in range(40)]


def plain(raw: bytes, codec: str, **sizes: int) -> bytes:
    """What the file holds; every compressed byte was read for it."""
    stream = Decompressed(io.BytesIO(raw), codec, **sizes)
    found = b"".join(stream)
    assert stream.num_bytes == len(raw)
    return found


def read(path: Path, raw: bytes) -> tuple[list[str], Tally]:
    """The texts of a file of these bytes, and what was counted."""
    path.write_bytes(raw)
    tally = Tally()
    splits = divided(path, path.name, [0, max(len(raw), 1)])
    found = read_documents(splits, "jsonl", TEXT, 1 << 20, tally)
    return [text for batch in found for text in batch.content.to_pylist()], tally


@CODECS
@given(parts=st.lists(st.binary(max_size=50), min_size=1, max_size=5), size=st.integers(1, 40))
def test_all_members_are_read_in_portions_of_any_size(
    codec: str, parts: list[bytes], size: int
) -> None:
    raw = b"".join(map(COMPRESS[codec], parts))
    assert plain(raw, codec, compressed_bytes=size, plain_bytes=3) == b"".join(parts)


@CODECS
def test_blocks_stay_small_however_well_a_file_is_compressed(codec: str) -> None:
    raw = COMPRESS[codec](b"\n" * (20 << 20))
    sizes = [len(block) for block in Decompressed(io.BytesIO(raw), codec)]
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= 1 << 18


@CODECS
def test_a_compressed_file_is_counted_with_all_its_bytes(codec: str, tmp_path: Path) -> None:
    raw = COMPRESS[codec](b"".join(LINES[:20])) + COMPRESS[codec](b"\n\n" + b"".join(LINES[20:]))
    name = f"a.jsonl.{ENDINGS[codec].upper()}"
    texts, tally = read(tmp_path / name, raw)
    assert texts == [str(number) for number in range(40)]
    assert (tally.rows[name], tally.num_bytes[name]) == (40, len(raw))


@CODECS
def test_a_stream_that_is_cut_short_is_an_error(codec: str, tmp_path: Path) -> None:
    first = COMPRESS[codec](b"".join(LINES[:20]))
    raw = first + COMPRESS[codec](b"".join(LINES[20:]))
    name = f"a.jsonl.{ENDINGS[codec]}"
    for size in (*range(1, len(first)), *range(len(first) + 1, len(raw))):
        with pytest.raises(InputError, match=rf"--input: {name} cannot be read \({codec}, member"):
            read(tmp_path / name, raw[:size])


@CODECS
def test_an_empty_compressed_file_is_an_error(codec: str, tmp_path: Path) -> None:
    name = f"a.jsonl.{ENDINGS[codec]}"
    with pytest.raises(InputError, match=rf"{name} cannot be read \(it is empty, which no {codec}"):
        read(tmp_path / name, b"")


@pytest.mark.parametrize("codec", ["gzip", "xz"])
@pytest.mark.parametrize("zeros", [4, 512, 200_000])
def test_zeros_behind_a_member_are_passed_over(codec: str, zeros: int) -> None:
    raw = COMPRESS[codec](b"one") + b"\0" * zeros
    assert plain(raw, codec) == b"one"
    assert plain(raw + COMPRESS[codec](b"two") + b"\0" * zeros, codec) == b"onetwo"


@pytest.mark.parametrize(
    ("codec", "garbage"),
    [(codec, b"garbage") for codec in COMPRESS]
    + [("gzip", b"\0\0x"), ("bz2", b"\0" * 8), ("zstd", b"\0" * 8)],
)
def test_garbage_behind_the_end_is_an_error(codec: str, garbage: bytes, tmp_path: Path) -> None:
    name = f"a.jsonl.{ENDINGS[codec]}"
    with pytest.raises(InputError, match=rf"{name} cannot be read \({codec}, member 2: "):
        read(tmp_path / name, COMPRESS[codec](LINES[0]) + garbage)


@CODECS
def test_a_flipped_bit_is_never_read_as_another_text(codec: str, tmp_path: Path) -> None:
    raw = bytearray(COMPRESS[codec](b"".join(LINES)))
    options = {zstd.CompressionParameter.checksum_flag: True}
    if codec == "zstd":
        raw = bytearray(zstd.compress(b"".join(LINES), options=options))
    texts = [str(number) for number in range(40)]
    caught = 0
    for bit in random.Random(0).sample(range(8 * len(raw)), 100):
        raw[bit // 8] ^= 1 << bit % 8
        try:
            assert read(tmp_path / f"a.jsonl.{ENDINGS[codec]}", bytes(raw))[0] == texts
        except InputError:
            caught += 1
        raw[bit // 8] ^= 1 << bit % 8
    assert caught > 50


def test_skippable_frames_of_zstd_are_passed_over() -> None:
    skipped = (0x184D2A50).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"12345"
    raw = skipped + zstd.compress(b"one") + skipped + skipped + zstd.compress(b"two") + skipped
    assert plain(raw, "zstd") == b"onetwo"
    assert plain(skipped, "zstd") == b""


@pytest.mark.parametrize("window_log", [27, 28, 31])
def test_zstd_windows_of_up_to_2_gib_are_read(window_log: int) -> None:
    """The frame declares the window in its second byte behind the magic number, and no size."""
    options = {
        zstd.CompressionParameter.window_log: 20,
        zstd.CompressionParameter.content_size_flag: False,
    }
    squeezer = zstd.ZstdCompressor(options=options)
    raw = bytearray(squeezer.compress(b"one two") + squeezer.flush())
    assert raw[4] & 0b11100000 == 0, "no size and no single segment"
    raw[5] = (window_log - 10) << 3
    assert zstd.get_frame_info(bytes(raw)).decompressed_size is None
    assert plain(bytes(raw), "zstd") == b"one two"
