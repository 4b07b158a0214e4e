"""How many tasks a step has: arithmetic on the numbers of files, documents and fragments.

Between two steps every task of the one sends a block to every task of the other. So that the blocks
of a large corpus do not become many and small, tasks there become larger and not ever more: at half
a trillion tokens in one run the mean block of every shuffle is still above 64 KiB.
"""

_TASKS_MAX = 512  # that walk files; each holds as many, side by side, as that leaves it
_READERS_MIN = 64  # where there are as many files
_FILES_A_READER = 8

# Fragments that one worker joins with their documents; of a large plan more.
_FRAGMENTS_A_PART = 1 << 18
_FRAGMENTS_A_PART_MAX = 1 << 20
_PARTS = 16  # of a large plan

_IDS_A_PART = 1 << 21

STRETCH_DOCUMENTS = 1 << 20  # that one worker sorts


def num_readers(num_files: int) -> int:
    """Tasks that read the ids in so many files: of one file that takes a tenth of a second, and
    starting a task a third of that."""
    few = max(min(num_files, _READERS_MIN), -(-num_files // _FILES_A_READER), 1)
    return min(few, _TASKS_MAX)


def num_walks(num_files: int) -> int:
    """Tasks that walk the tokens of so many files: 1 to 512 have one each."""
    return min(num_files, _TASKS_MAX)


def num_joins(num_fragments: int) -> int:
    """Workers in which so many fragments meet their documents."""
    few = min(1 + num_fragments // _FRAGMENTS_A_PART, _PARTS)
    return max(few, 1 + num_fragments // _FRAGMENTS_A_PART_MAX)


def num_id_parts(num_documents: int) -> int:
    """Workers in which equal ids of so many documents would meet."""
    return 1 + num_documents // _IDS_A_PART
