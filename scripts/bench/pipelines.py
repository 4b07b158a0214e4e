"""End to end as people do it today: peers' CPU a token, from Parquet text to Parquet sequences.

    python scripts/bench/pipelines.py --work DIR --peers .bench/peers/bin/python --tokenizer FILE

Slopes between two sizes of corpus, whole process trees, imports apart (each peer tells its own).
The sizes are small, since a peer takes thousands of nanoseconds a token; none is faster on more.
"""

import argparse
import json
import shutil
import statistics
from pathlib import Path

from about import about
from processes import run
from stages import HERE, make_corpus

PEERS = {
    "datasets + TRL pack_dataset, default batch": "trl",
    "datasets + TRL pack_dataset, whole set": "trl_whole",
    "OLMo-core tokens + pack_documents_into_instances": "olmo_core",
}


def main() -> None:
    options = _parse_options()
    sizes = sorted(options.size_mb or [10, 40])
    corpora = [make_corpus(options.work, size) for size in sizes]
    print(f"{about()} seq_len 2048, median of {options.runs}.\n")
    print("| peer, from text at 2048 | ns of CPU a token | imports, s of CPU | sequences |")
    print("|---|---:|---:|---:|")
    for name, peer in PEERS.items():
        small, large = (
            [measure(options, peer, corpus) for _ in range(options.runs)] for corpus in corpora
        )
        cpu = [statistics.median(said["cpu_seconds"] for said in runs) for runs in (small, large)]
        slope = (cpu[1] - cpu[0]) / (large[0]["tokens"] - small[0]["tokens"])
        imports = statistics.median(said["imports_cpu_seconds"] for said in small + large)
        made, least = large[0]["sequences"], large[0]["least_sequences"]
        print(f"| {name} | {slope * 1e9:,.0f} | {imports:.0f} | {made:,} (least {least:,}) |")


def measure(options: argparse.Namespace, peer: str, corpus: Path) -> dict[str, float]:
    output = options.work / "peer-output"
    shutil.rmtree(output, ignore_errors=True)
    where = {"peer": peer, "corpus": corpus, "tokenizer": options.tokenizer, "output": output}
    more = [str(part) for name, value in where.items() for part in (f"--{name}", value)]
    return dict(json.loads(run([options.peers, str(HERE / "peer_pipelines.py"), *more]).out))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peers", required=True, help="python of the peers' environment")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--size-mb", type=int, action="append", help="two sizes of text")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
