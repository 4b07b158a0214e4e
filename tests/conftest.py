"""Shared ground: one Spark session, one small real corpus, one tokenizer, one packed output."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyspark
import pytest
from click.testing import CliRunner
from hypothesis import settings as hypothesis_settings
from outputs import copy_of
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from bfpack_spark.cli.main import main
from bfpack_spark.delta.tables import settings_for
from bfpack_spark.load_settings import load_settings
from bfpack_spark.spark.session import get_session
from bfpack_spark.spark.versions import release_of

ROOT = Path(__file__).resolve().parent.parent

pytest.register_assert_rewrite("faults.kit", "corpus.reading")
pytest_plugins = [
    *("faults.fixtures", "verifying.broken", "tokens.worker", "cli.commands", "packings"),
    *("readmes", "s3_store", "azure_store", "gcs_store", "hadoop_cluster"),
    *("integration.delta_desk", "integration.submitter", "frames.desk"),
]

hypothesis_settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis_settings.load_profile("fixed")


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def succeeds(self) -> "Ran":
        """Check that it ended well, and return it."""
        assert self.code == 0, self.out + self.err
        return self

    def refuses(self, *says: str, code: int = 2) -> None:
        """Check that it failed, printed no result, and says each of these on stderr."""
        assert (self.code, self.out) == (code, ""), self.err
        for said in says:
            assert said in self.err, self.err

    def violations(self) -> list[dict[str, Any]]:
        """Return what `verify --json` found in one place; the exit code is checked to fit it."""
        assert self.code in (0, 1), self.err
        (report,) = json.loads(self.out)
        assert self.code == bool(report["violations"])
        return list(report["violations"])


Bfpack = Callable[..., Ran]  # runs a command of bfpack with the given arguments
Run = Callable[..., Ran]  # runs one command with the given options besides those of its fixture


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk, with the tokenizer that was trained on it."""

    path: Path
    tokenizer: Path

    def texts(self) -> dict[str, str]:
        table = pq.read_table(self.path)
        return dict(zip(*(table.column(c).to_pylist() for c in ("doc_id", "text")), strict=True))


@pytest.fixture(scope="session")
def spark(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkSession]:
    """The suite's session; commands run in this process take it as theirs. It has the jars of
    Delta or Iceberg if one of the tests is so marked, and they can be fetched."""
    settings = {
        "spark.master": "local[2]",
        "spark.driver.memory": "3g",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        "spark.ui.showConsoleProgress": "false",
    }
    items = request.session.items
    chosen = {
        mark: own
        for mark, own in lakes().items()
        if any(item.get_closest_marker(mark) for item in items)
    }
    session = (_with_lakes(settings, chosen) if chosen else None) or get_session(settings)
    yield session
    session.stop()


def lakes() -> dict[str, dict[str, str]]:
    """By marks of tests: the settings that bring jars into a session, of those that this Spark can
    have."""
    found: dict[str, dict[str, str]] = {}
    delta = settings_for(pyspark.__version__)
    if delta is not None:
        # Delta reads a table's log in 50 tasks otherwise, here of a line each.
        found["delta"] = {**delta, "spark.databricks.delta.snapshotPartitions": "2"}
    if release_of(pyspark.__version__) == (4, 1):  # Iceberg's runtime loads there alone
        found["iceberg"] = {**load_settings(ROOT / "conf" / "iceberg.toml", {}).spark}
    return found


def _with_lakes(settings: dict[str, str], chosen: dict[str, dict[str, str]]) -> SparkSession | None:
    both = {key: value for own in chosen.values() for key, value in own.items()}
    if "iceberg" in chosen:
        both["spark.sql.catalog.lake.warehouse"] = settings["spark.sql.warehouse.dir"]
    both["spark.jars.packages"] = ",".join(own["spark.jars.packages"] for own in chosen.values())
    ivy = ROOT / ".integration" / "ivy"
    ivy.mkdir(parents=True, exist_ok=True)
    with (ivy / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Ivy spoils its folder where two processes fetch at once
        with suppress(PySparkException):
            return get_session({**settings, **both, "spark.jars.ivy": str(ivy)})
    return None


def run_command(*arguments: object) -> Ran:
    """Run a bfpack command in this process."""
    with CliRunner().isolation() as (out, err, _):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Ran(code, out.getvalue().decode(), err.getvalue().decode())


@pytest.fixture(scope="session")
def bfpack(spark: SparkSession) -> Bfpack:
    """Run a bfpack command in this process, on the suite's session."""
    return run_command


@pytest.fixture(scope="session")
def demo_corpus(request: pytest.FixtureRequest) -> Corpus:
    """What `make demo` packs: this machine's own text, and a tokenizer of 16k entries. Kept in
    pytest's cache until a script that makes it changes, since it takes half a minute."""
    scripts = ("make_corpus.py", "train_tokenizer.py")
    made_by = b"".join((ROOT / "scripts" / name).read_bytes() for name in scripts)
    key = hashlib.sha256(made_by).hexdigest()[:16]
    kept = Path(request.config.cache.mkdir("demo")) / key
    with (kept.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process of the suite makes it for all
        if not kept.exists():
            _make_demo(kept)
    return Corpus(kept / "corpus", kept / "tokenizer")


def _make_demo(folder: Path) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    script("make_corpus.py", "--output", made / "corpus")
    script("train_tokenizer.py", "--corpus", made / "corpus", "--output", made / "tokenizer")
    made.rename(folder)


@pytest.fixture(scope="session")
def corpus(demo_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """300 documents of the demo's corpus, in 3 files: enough for groups, cuts and shards."""
    folder = tmp_path_factory.mktemp("small") / "corpus"
    folder.mkdir()
    table = pq.read_table(demo_corpus.path).slice(0, 300)
    for number in range(3):
        pq.write_table(table.slice(number * 100, 100), folder / f"part-{number}.parquet")
    return Corpus(folder, demo_corpus.tokenizer)


@pytest.fixture(scope="session")
def packed(
    corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """An output with bucket `small` at 512 and 2048. Read it; to break it, copy it first."""
    output = tmp_path_factory.mktemp("packed") / "output"
    ran = bfpack("pack", *pack_options(corpus, output), "--seq-len", 512, "--seq-len", 2048)
    assert ran.code == 0, ran.err
    yield output
    assert [path.name for path in output.iterdir()] == ["small"], "what all read was written to"


@pytest.fixture
def copied(packed: Path, tmp_path: Path) -> Path:
    """Copy the packed output, to change it."""
    return copy_of(packed, tmp_path)


def pack_options(corpus: Corpus, output: Path, bucket: str = "small") -> list[object]:
    """The options of `bfpack pack` for a corpus with ids, but for --seq-len."""
    where = ["--input", corpus.path, "--tokenizer", corpus.tokenizer, "--output", output]
    return [*where, "--bucket", bucket, "--id-column", "doc_id"]


def script(name: str, *arguments: object) -> str:
    """Run a script of scripts/ as a user does; its stdout."""
    return run_process(sys.executable, ROOT / "scripts" / name, *arguments).succeeds().out


@contextmanager
def holding_python(source: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a text as a Python program that lives until its stdin ends or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        yield process
        process.kill()


def run_python(source: str, *arguments: object, **environment: object) -> Ran:
    """Run a text as a Python program that finds the package, in a process of its own."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    told = {"PYTHONPATH": paths, **{name: str(value) for name, value in environment.items()}}
    return run_process(sys.executable, "-P", "-c", source, *arguments, env={**os.environ, **told})


def run_process(
    *command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Ran:
    """Run a program to its end, in the folder and with the environment of the tests unless told."""
    told = [str(part) for part in command]
    done = subprocess.run(told, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    return Ran(done.returncode, done.stdout, done.stderr)
