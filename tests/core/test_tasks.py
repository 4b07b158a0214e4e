"""Numbers of tasks: few files have one each, and the blocks between steps stay large."""

import pytest

from bfpack_spark.core.tasks import TASKS

# Of a token file: 64 MB of JSONL, documents of 550 tokens; ids of 25 bytes and their lengths.
DOCUMENTS = 30_500
ID_BYTES, LOCATED_BYTES, TOKEN_BYTES = 29, 48, 16_000_000 * 4 * 0.4


@pytest.mark.parametrize(
    ("files", "readers", "walks"),
    [(0, 1, 0), (3, 3, 3), (64, 64, 64), (65, 64, 65), (1000, 125, 512), (5000, 512, 512)],
)
def test_few_files_have_a_task_each_and_many_share(files: int, readers: int, walks: int) -> None:
    assert (TASKS.num_readers(files), TASKS.num_walks(files)) == (readers, walks)


@pytest.mark.parametrize("files", [60, 600, 2000, 6000, 30_000])
def test_blocks_do_not_become_small_as_a_corpus_grows(files: int) -> None:
    """From a billion tokens to half a trillion."""
    documents = files * DOCUMENTS
    readers, walks, joins = (
        TASKS.num_readers(files),
        TASKS.num_walks(files),
        TASKS.num_joins(documents, documents),
    )
    blocks = {
        "ids": documents * ID_BYTES / readers / TASKS.num_id_parts(documents),
        "stretches": documents * ID_BYTES / readers / (1 + documents // TASKS.stretch_documents),
        "joins": documents * ID_BYTES / readers / joins,
        "located": documents * LOCATED_BYTES / joins / walks,
        "tokens": files * TOKEN_BYTES / walks / max(32, files // 4),  # shards of 64 M tokens
    }
    assert min(blocks.values()) > 50_000, blocks


def test_a_part_holds_no_more_as_a_plan_grows() -> None:
    for number in (1, 10**5, 10**6, 10**7, 10**8, 10**9):
        assert number / TASKS.num_joins(number, 0) <= 1 << 20
        assert number / TASKS.num_id_parts(number) <= 1 << 21
    assert TASKS.num_joins(10**6, 10**6) == 4
    assert TASKS.num_joins(10**6, 10**8) == 96
