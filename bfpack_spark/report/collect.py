"""What a report tells of one version: its manifest, the statistics of its lengths, and what its
runs cost."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

import psutil
import pyspark

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.errors import InputError
from bfpack_spark.explore.statistics import CorpusStats, corpus_stats
from bfpack_spark.files import access
from bfpack_spark.spark.costs import STAGES, StageCost
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest, TokensManifest
from bfpack_spark.versions.publication import Home

_PACKAGES = ("bfpack-spark", "pyarrow", "numpy", "fastokens", "gigatoken", "tokenizers")


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What only the runs know. It is kept in report.json, and in no manifest."""

    finished: str  # when the last of them ended; ISO 8601, UTC
    machine: dict[str, str]  # of its driver
    costs: tuple[StageCost, ...]


@dataclass(frozen=True, kw_only=True)
class VersionReport:
    """What the report shows of one version of sequences."""

    home: Home
    name: str
    manifest: SequencesManifest
    tokens: TokensManifest  # of the token store from which it was made
    stats: CorpusStats  # at its own seq_len first
    run: RunFacts | None  # None: the runs that made it left none
    is_outdated: bool  # the bucket has another token store now

    @property
    def directory(self) -> str:
        return f"{self.home.directory}/{self.name}"


def facts_of_this_run(costs: Sequence[StageCost]) -> RunFacts:
    """Return the facts of a run that ends now, on this machine."""
    memory = psutil.virtual_memory().total / 2**30
    machine = {
        "processor": f"{os.cpu_count()} x {platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        "pyspark": pyspark.__version__,
        **{name: _installed(name) for name in _PACKAGES},
    }
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return RunFacts(finished=finished, machine=machine, costs=tuple(costs))


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:  # on a cluster, code may come without its metadata
        return "not known"


def collect(
    home: Home,
    name: str,
    histogram_of: Callable[[TokenStore], Histogram],
    seq_lens: Iterable[int] = (),
    edges: Iterable[int] = (),
) -> VersionReport:
    """Return the report of a complete version, compared with packing at these other `seq_lens`.
    Classes of lengths end at `edges`, too, so that they are the same for all versions of a page.
    Raise InputError if the version, or its token store, is not there."""
    _, manifest = publication.current_sequences(home, name)
    store = open_token_store(home.output, home.bucket, manifest.tokens_version)
    rules = publication.rules_of(home, manifest.inputs.configuration)
    histogram, others = histogram_of(store), {*seq_lens} - {rules.seq_len}
    lengths = (rules.seq_len, *sorted(others))
    stats = corpus_stats(histogram, lengths, rules, home.bucket, edges=edges)
    return VersionReport(
        home=home,
        name=name,
        manifest=manifest,
        tokens=store.manifest,
        stats=replace(stats, has_masks=store.masks),
        run=_with_tokens(read_run(f"{home.directory}/{name}"), read_run(store.directory)),
        is_outdated=not publication.is_current(replace(home, seq_len=None), store.name),
    )


def read_run(directory: str) -> RunFacts | None:
    """Return what report.json says of the runs, or None if it is not there or has another shape."""
    try:
        stored = access.read_json(f"{directory}/report/report.json") or {}
        return _run_of(stored["run"])
    except (InputError, KeyError, TypeError, AttributeError, ValueError):
        return None


def longest(costs: Sequence[StageCost]) -> tuple[StageCost, ...]:
    """Return the costs in the order of the stages. If several runs went through a stage, the
    longest is taken, since the others found it done."""
    longest_of: dict[tuple[int, int], StageCost] = {}
    for cost in costs:
        key = (STAGES.index(cost.stage), cost.seq_len or 0)
        longest_of[key] = max(longest_of.get(key, cost), cost, key=lambda c: c.seconds)
    return tuple(longest_of[key] for key in sorted(longest_of))


def _with_tokens(run: RunFacts | None, tokens: RunFacts | None) -> RunFacts | None:
    """Return the costs of a version of sequences together with those of its token store."""
    if run is None or tokens is None:
        return run
    return replace(run, costs=longest([*tokens.costs, *run.costs]))


def _run_of(stored: dict[str, Any]) -> RunFacts:
    costs = longest([StageCost(**cost) for cost in stored["costs"]])
    machine = {str(name): str(value) for name, value in stored["machine"].items()}
    return RunFacts(finished=str(stored["finished"]), machine=machine, costs=costs)
