"""Says by how many MB the most memory that was ever resident grew by reading an input, of each."""

import os
import sys
from pathlib import Path

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.take_inventory import take_inventory


def peak_mb() -> int:
    """VmHWM of this process."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) >> 10


def read(path: str) -> None:
    """Read all documents, holding none."""
    before, num_documents = peak_mb(), 0
    inventory = take_inventory(path, None)
    columns = Columns(content="text", doc_id=None)
    for documents in read_documents(split_inventory(inventory), inventory.format, columns, 1 << 28):
        num_documents += len(documents)
        del documents
    print(num_documents, peak_mb() - before, flush=True)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        child = os.fork()  # each begins at what the imports take
        if not child:
            read(path)
            os._exit(0)
        os.waitpid(child, 0)
