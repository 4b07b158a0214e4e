"""What the packer costs alone: lengths in, the sequence of every fragment out.

    python scripts/measure_packer.py [--documents 1000000 --documents 10000000]

Lengths are log-normal (mu 5.82, sigma 0.99), like RefinedWeb's. Median of 3, CPU time, one process.
"""

import argparse
import statistics
import time

import numpy as np

from bfpack_spark.core.best_fit import pack, pack_counts
from bfpack_spark.core.fragments import Int64, cut_documents


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, action="append")
    parser.add_argument("--seq-len", type=int, action="append")
    options = parser.parse_args()
    print("| documents | seq_len | sequences | over the bound | ns a document | on counts, ms |")
    print("|---:|---:|---:|---:|---:|---:|")
    for documents in options.documents or [10**6, 10**7]:
        lengths = np.random.default_rng(0).lognormal(5.82, 0.99, documents)
        tokens = np.maximum(1, np.rint(lengths)).astype(np.int64)
        for seq_len in options.seq_len or [2048, 8192, 131_072]:
            print(_row(tokens, seq_len))


def _row(lengths: Int64, seq_len: int) -> str:
    whole, counts = [], []
    num_sequences = 0
    for _ in range(3):
        start = time.process_time()
        fragments = cut_documents(lengths, seq_len)
        _, num_sequences = pack(fragments.length, seq_len)
        whole.append(time.process_time() - start)
        histogram = np.bincount(fragments.length, minlength=seq_len + 1)
        start = time.process_time()
        pack_counts(histogram)
        counts.append(time.process_time() - start)
    bound = -(-int(lengths.sum()) // seq_len)
    each = statistics.median(whole) / len(lengths) * 1e9
    return (
        f"| {len(lengths):,} | {seq_len:,} | {num_sequences:,} | "
        f"{(num_sequences / bound - 1):.4%} | {each:.0f} | {statistics.median(counts) * 1e3:.0f} |"
    )


if __name__ == "__main__":
    main()
