"""From Parquet text to Parquet sequences as people do it today: what each peer's pipeline costs.

The corpora are small because of the time it takes, so what a token costs a peer on more text is not
measured.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from commands import flags
from corpora import SCRIPTS
from figures import print_head
from processes import Cost, Yardstick, run

PEERS = {
    "datasets + TRL pack_dataset, default batch": "trl",
    "datasets + TRL pack_dataset, whole set": "trl_whole",
    "OLMo-core tokens + pack_documents_into_instances": "olmo_core",
}


def measure_peers(
    python: str, corpora: Sequence[Path], tokenizer: Path, output: Path, yardstick: Yardstick
) -> Iterator[tuple[str, Cost, Cost]]:
    """Each peer on the small corpus, and at once on the large one, packed at 2,048."""
    command = [python, str(SCRIPTS / "bench" / "peer_pipelines.py")]
    for name, peer in PEERS.items():
        costs = []
        for corpus in corpora:
            shutil.rmtree(output, ignore_errors=True)
            text = flags(peer=peer, corpus=corpus, tokenizer=tokenizer)
            costs.append(run([*command, *text, *flags(output=output, seq_len=2048)]))
            shutil.rmtree(output)
        yardstick.look()
        yield name, costs[0], costs[1]


def tokens_made(cost: Cost) -> int:
    """By a peer's run, as it reports."""
    return int(json.loads(cost.out)["tokens"])


def print_packed(larger: dict[str, Cost]) -> None:
    """What came of each peer's larger run, and the packages that did it."""
    reports = {name: json.loads(cost.out) for name, cost in larger.items()}
    versions = {key: value for said in reports.values() for key, value in said["versions"].items()}
    print(f"\nPeers: {', '.join(f'{key} {value}' for key, value in sorted(versions.items()))}.")
    print_head("packed by | tokens | documents a batch | sequences | least", "lrrrr")
    for name, said in reports.items():
        counts = ("tokens", "documents_per_batch", "sequences", "least_sequences")
        print(f"| {name} | {' | '.join(f'{said[key]:,}' for key in counts)} |")
