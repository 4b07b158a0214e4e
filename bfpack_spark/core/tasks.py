"""How many tasks a step has: arithmetic on the numbers of files, documents and fragments.

Between two steps, every task of the first sends a block to every task of the second. If the number
of tasks grew with the corpus, a large corpus would make many small blocks. So here the tasks become
larger instead of more numerous: at half a trillion tokens in one run the mean block of every
shuffle is still above 64 KiB.
"""

_TASKS_MAX = 512  # tasks that walk files; each takes its share of the files, side by side
_READERS_MIN = 64  # fewest readers, if there are so many files
_FILES_A_READER = 8

# Fragments that one worker joins with their documents; the second number is for a large plan.
_FRAGMENTS_A_PART = 1 << 18
_FRAGMENTS_A_PART_MAX = 1 << 20
_PARTS = 16  # with more parts than these, the plan is large

_IDS_A_PART = 1 << 21

STRETCH_DOCUMENTS = 1 << 20  # documents that one worker sorts


def num_readers(num_files: int) -> int:
    """Return the number of tasks that read the ids in so many files. Reading one file takes a tenth
    of a second, and starting a task takes a third of that."""
    few = max(min(num_files, _READERS_MIN), -(-num_files // _FILES_A_READER), 1)
    return min(few, _TASKS_MAX)


def num_walks(num_files: int) -> int:
    """Return the number of tasks that walk the tokens of so many files: up to 512 files have one
    task each."""
    return min(num_files, _TASKS_MAX)


def num_joins(num_fragments: int) -> int:
    """Return the number of workers in which so many fragments meet their documents."""
    few = min(1 + num_fragments // _FRAGMENTS_A_PART, _PARTS)
    return max(few, 1 + num_fragments // _FRAGMENTS_A_PART_MAX)


def num_id_parts(num_documents: int) -> int:
    """Return the number of workers in which equal ids of so many documents would meet."""
    return 1 + num_documents // _IDS_A_PART
