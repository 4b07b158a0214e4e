"""How many tasks a step has: arithmetic on the numbers of files, documents and fragments.

Between two steps, every task of the first sends a block to every task of the second. If the number
of tasks grew with the corpus, a large corpus would make many small blocks. So here the tasks become
larger instead of more numerous: at 0.7 trillion tokens in one run the mean block of every shuffle
is still above 64 KiB.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TaskSizes:
    """What one task gets, and how many tasks there may be."""

    tasks_max: int = 512  # tasks that walk files; each takes its share of the files, side by side
    # Readers: reading one file takes a tenth of a second, and starting a task a third of that.
    readers_min: int = 64  # fewest readers, if there are so many files
    files_a_reader: int = 8
    files_a_measure: int = 32  # the lengths of a file take 5 ms, and starting a task 60
    # Fragments that one worker joins with their documents; a plan of more parts than the last
    # number is large.
    fragments_a_part: int = 1 << 18
    fragments_a_part_max: int = 1 << 20  # of a large plan
    parts: int = 16
    ids_a_part: int = 1 << 21  # ids that one worker counts
    stretch_documents: int = 1 << 20  # documents that one worker sorts

    def num_readers(self, num_files: int) -> int:
        """Return the number of tasks that read the ids in so many files."""
        few = max(min(num_files, self.readers_min), -(-num_files // self.files_a_reader), 1)
        return min(few, self.tasks_max)

    def num_measures(self, num_files: int) -> int:
        """Return the number of tasks that read the lengths in so many files."""
        return min(-(-num_files // self.files_a_measure), self.tasks_max)

    def num_walks(self, num_files: int) -> int:
        """Return the number of tasks that walk the tokens of so many files: up to 512 files have
        one task each."""
        return min(num_files, self.tasks_max)

    def num_joins(self, num_fragments: int, num_documents: int) -> int:
        """Return the number of workers in which so many fragments meet so many documents, of which
        some may have no fragment."""
        few = min(1 + num_fragments // self.fragments_a_part, self.parts)
        return max(few, 1 + max(num_fragments, num_documents) // self.fragments_a_part_max)

    def num_id_parts(self, num_documents: int) -> int:
        """Return the number of workers in which equal ids of so many documents would meet."""
        return 1 + num_documents // self.ids_a_part


TASKS = TaskSizes()
