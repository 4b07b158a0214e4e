"""Documents with loss masks, packed with the options for long contexts."""

from pathlib import Path

import pytest
from conftest import Bfpack
from conversations import BUCKET, conversations, options, pack, pieces_of, whole, write
from outputs import manifest, shard_rows


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("chats")
    write(tmp / "in", conversations(80))
    return tmp


def test_conversations_lie_at_multiples_with_their_masks(chats: Path, bfpack: Bfpack) -> None:
    """With rows of padding behind them, also in a shard of its own."""
    more = ("--align", 8, "--max-documents", 2, "--num-sequences-multiple", 128)
    version = pack(
        bfpack, chats, chats / "in", "--loss-mask-column", "mask", *more, "--num-shards", 4
    )
    assert pieces_of(version) == whole(conversations(80))
    rows = shard_rows(version)
    assert len(rows) == 128
    assert not any(row["num_tokens"] for row in rows[96:])
    assert any(None in row["doc_ids"][:-1] for row in rows)
    for row in rows:
        assert sum(name is not None for name in row["doc_ids"]) <= 2
    bfpack("verify", "--output", chats / "out", "--bucket", BUCKET, "--seq-len", 512).succeeds()
    held = manifest(version)["accounting"]
    assert held["targets"]["num_targets"] > 1000
    assert held["num_padding_sequences"] > 32


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--long-documents", "slide", "--overlap", 9), "--overlap 9: the documents have loss"),
        (
            ("--bos-token", "<|pad|>", "--long-documents", "split", "--bos-at", "fragment"),
            "--bos-at fragment: the documents have loss masks",
        ),
    ],
)
def test_tokens_that_are_added_have_no_mask_and_are_refused(
    more: tuple[object, ...], says: str, chats: Path, bfpack: Bfpack
) -> None:
    asked = options(chats, chats / "in", "--loss-mask-column", "mask", "--seq-len", 512, *more)
    bfpack("pack", *asked).refuses(says)
