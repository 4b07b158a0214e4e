"""The DAG of jobs/airflow under a real Airflow, in an environment of its own: parsed, and run by
dag.test() through the real spark-submit, once with a job that is killed."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trained
from conftest import ROOT
from outputs import current, manifest, shard_hashes, tree
from test_cluster import ARCHIVE, SPARK_HOME, started_cluster

from bfpack_spark.buckets.slices import paths_of_buckets

pytestmark = pytest.mark.timeout(900)  # a Spark for every job, and a busy machine takes its time

AIRFLOW = ROOT / ".integration" / "airflow" / "bin"
DAG = ROOT / "jobs" / "airflow" / "pack_buckets.py"
SCRIPT = Path(__file__).parent / "run_dag.py"
BUCKETS = ("de", "fr")
# What a submitter decides; the first compiler is enough for a small corpus.
PROPERTIES = """
spark.ui.enabled false
spark.log.level WARN
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1
spark.pyspark.python {python}
"""
SHIPPED = """
spark.archives {archive}#environment
spark.pyspark.driver.python {unpacked}/bin/python
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1
"""
CONFIGURATION = """
id_column = "doc_id"
engine = "tokenizers"
seq_len = [128]
[spark]
"spark.sql.shuffle.partitions" = 2
"""


@dataclass(frozen=True)
class Airflow:
    """Its home, which is also where corpus, tokenizer and settings lie."""

    home: Path

    def environment(self, output: Path) -> dict[str, str]:
        settings = {
            "input": f"{self.home}/corpus/{{bucket}}/*.parquet",
            "output": str(output),
            "tokenizer": f"{self.home}/tokenizer.json",
            "seq_len": [128],
            "config": f"{self.home}/bfpack.toml",
            "jobs": str(ROOT / "jobs"),
            "properties_file": f"{self.home}/spark.conf",
        }
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAG.parent),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
            "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[2]"}',
            "AIRFLOW_VAR_BFPACK": json.dumps(settings),
            "HOME": str(self.home),
            "JAVA_HOME": os.environ["JAVA_HOME"],
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }

    def start(self, output: Path, *command: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.environment(output), **environment},
        )

    def look(self, *patterns: str) -> dict[str, Any]:
        """Parse the DAG where a Variable or connection that is asked for is a file that is read."""
        result = self.home / "parsed.json"
        result.write_text("{}")
        command = [AIRFLOW / "python", SCRIPT, "parse", DAG, result, *patterns]
        in_files = {
            "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": f'{{"variables_file_path": "{result}"}}',
        }
        with self.start(self.home / "none", *command, **in_files) as process:
            said, _ = process.communicate()
        assert process.returncode == 0, said[-3000:]
        return dict(json.loads(result.read_text()))

    def run(
        self,
        output: Path,
        configuration: dict[str, Any],
        kill_after: str = "",
        **environment: str,
    ) -> "Run":
        """dag.test(). When a line says `kill_after`, the spark-submit that says so is killed."""
        result = output.parent / "result.json"
        command = [AIRFLOW / "python", SCRIPT, "test", DAG, result, json.dumps(configuration)]
        said: list[str] = []
        with self.start(output, *command, **environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if kill_after and kill_after in line:
                    kill_job(process.pid)
                    kill_after = ""
        log = "".join(said)
        assert process.returncode == 0, log[-3000:]
        assert not kill_after, log[-3000:]
        return Run(log=log, **json.loads(result.read_text()))


@dataclass(frozen=True)
class Run:
    """How a run of the DAG ended: states and tries by task, events of assets, the whole log."""

    log: str
    state: str
    tasks: dict[str, list[Any]]
    events: list[list[Any]]

    def ended(self, stage: str, bucket: str) -> list[str]:
        """What bfpack said in the lines that end a stage of a bucket, each said once."""
        decode = json.JSONDecoder().raw_decode
        starts = re.finditer(r'\{"time": ', self.log)
        said = [decode(self.log, start.start())[0] for start in starts]
        wanted = {"stage": stage, "bucket": bucket}
        told = [one for one in said if wanted.items() <= one.items()]
        return list({one["time"]: one["message"] for one in told}.values())


def kill_job(pid: int) -> None:
    """Kill, without a chance to tidy up, the JVM that spark-submit became, child of Airflow."""
    (job,) = (below for below in psutil.Process(pid).children() if below.name() == "java")
    assert "org.apache.spark.deploy.SparkSubmit" in job.cmdline()
    left_behind = job.children(recursive=True)
    job.kill()
    _, alive = psutil.wait_procs(left_behind, timeout=120)
    assert not alive


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """A database of its own, and a corpus with files for two buckets and names that are none."""
    if not (AIRFLOW / "airflow").exists():
        pytest.skip(f"{AIRFLOW.relative_to(ROOT)} is missing: run `make test-integration`")
    made = Airflow(tmp_path_factory.mktemp("airflow"))
    for bucket in BUCKETS:
        folder = made.home / "corpus" / bucket
        folder.mkdir(parents=True)
        texts = [" ".join(trained.WORDS) * (1 + number % 9) for number in range(60)]
        columns = {"doc_id": [f"{bucket}-{n}" for n in range(60)], "text": texts}
        pq.write_table(pa.table(columns), folder / "part-0.parquet")
    (made.home / "corpus" / "_hidden").mkdir()
    (made.home / "corpus" / "_hidden" / "part-0.parquet").touch()
    (made.home / "corpus" / "beside.jsonl").touch()
    (made.home / "tokenizer.json").write_bytes(trained.raw(trained.byte_level()))
    (made.home / "bfpack.toml").write_text(CONFIGURATION)
    (made.home / "spark.conf").write_text(PROPERTIES.format(python=sys.executable))
    with made.start(made.home / "none", AIRFLOW / "airflow", "db", "migrate") as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said[-3000:]
    return made


@pytest.fixture(scope="module")
def undisturbed(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    return airflow.run(output, {}), output


def test_parsing_takes_under_a_second_and_touches_nothing(airflow: Airflow) -> None:
    seen = airflow.look()
    assert not seen["errors"]
    assert seen["seconds"] < 1  # of CPU
    names = {module.partition(".")[0] for module in seen["modules"]}
    assert not names & {"bfpack_spark", "pyspark"}
    code = (*seen["prefixes"], str(DAG.parent))
    outside = [one for one in seen["touched"] if not one.partition(" ")[2].startswith(code)]
    assert not outside
    jobs = {name: task for name, task in seen["tasks"].items() if name.startswith("one_bucket.")}
    assert sorted(jobs) == ["one_bucket.pack", "one_bucket.verify"]
    for job in jobs.values():
        assert job == {"at_once": 2, "retries": 3, "kind": "SparkSubmitOperator"}


def test_the_dag_finds_the_buckets_that_bfpack_finds(airflow: Airflow) -> None:
    corpus = airflow.home / "corpus"
    patterns = [
        *(f"{corpus}/{{bucket}}", f"{corpus}/{{bucket}}/*.parquet", f"{corpus}/{{bucket}}.jsonl"),
        *(f"{corpus}/d{{bucket}}/*.parquet", f"{corpus}/{{bucket}}e/part-?.parquet"),
    ]
    found = airflow.look(*patterns)["buckets"]
    assert found == {pattern: [*paths_of_buckets([pattern], ())] for pattern in patterns}
    assert found[patterns[0]] == list(BUCKETS)


@pytest.mark.long
def test_every_bucket_is_packed_and_the_asset_names_the_versions(
    undisturbed: tuple[Run, Path],
) -> None:
    run, output = undisturbed
    assert run.state == "success"
    jobs = [f"one_bucket.{job} {bucket}" for job in ("pack", "verify") for bucket in BUCKETS]
    assert run.tasks == {
        task: ["success", 1]
        for task in ("read_settings -1", "list_buckets -1", *jobs, "publish -1")
    }
    assert run.log.count("every invariant holds") == len(BUCKETS)
    ((uri, extra),) = run.events
    assert uri == f"file://{output}"
    assert sorted(extra["versions"]) == list(BUCKETS)
    for bucket, versions in extra["versions"].items():
        there = current(output, bucket, "sequences-128")
        assert versions["128"]["version"] == there.name
        held = hashlib.sha256((there / "_manifest.json").read_bytes()).hexdigest()
        assert versions["128"]["manifest_sha256"] == held
        assert manifest(there)["bucket"] == bucket


@pytest.mark.long
def test_a_killed_job_goes_on_and_a_mistake_stops_no_other_bucket(
    airflow: Airflow, undisturbed: tuple[Run, Path], tmp_path: Path
) -> None:
    """The job dies when its token store is complete and its plan is not; the retry starts there."""
    output = tmp_path / "out"
    run = airflow.run(output, {"bucket": ["absent", "fr"]}, kill_after='"stage": "tokenize"')
    assert "Error code is: -9." in run.log
    assert run.tasks["one_bucket.pack fr"] == ["success", 2]
    assert run.tasks["one_bucket.verify fr"] == ["success", 1]
    made, kept = run.ended("tokenize", "fr")
    assert (made[:20], kept[:22]) == ("tokens: 60 documents", "tokens: nothing to do,")
    assert len(run.ended("plan", "fr")) == len(run.ended("assemble", "fr")) == 1
    assert tree(output / "fr") == tree(undisturbed[1] / "fr")

    assert "Error code is: 2." in run.log
    assert run.tasks["one_bucket.pack absent"] == ["failed", 1]
    assert run.tasks["one_bucket.verify 0"][0] == "upstream_failed"
    assert run.tasks["publish -1"][0] == "upstream_failed"
    assert (run.state, run.events) == ("failed", [])


@pytest.mark.long
def test_on_a_cluster_with_a_shipped_environment_shards_are_the_same(
    airflow: Airflow, undisturbed: tuple[Run, Path], tmp_path: Path
) -> None:
    """Airflow's machine has Spark and what `make dist` made, and none of them a .venv."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.relative_to(ROOT)} is missing: run `make dist`")
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(tmp_path / "environment", filter="tar")
    shipped = SHIPPED.format(archive=ARCHIVE, unpacked=tmp_path / "environment")
    there = PROPERTIES.format(python="./environment/bin/python") + shipped
    (tmp_path / "spark.conf").write_text(there)
    output = tmp_path / "out"
    with started_cluster(tmp_path / "cluster") as cluster:
        run = airflow.run(
            output,
            {"bucket": ["de"], "properties_file": f"{tmp_path}/spark.conf"},
            AIRFLOW_CONN_SPARK_DEFAULT=json.dumps({"conn_type": "spark", "host": cluster.master}),
            PATH=f"{SPARK_HOME}/bin:/usr/bin:/bin",
        )
        executors = list(cluster.directory.glob("worker-?/app-*/*"))
    assert run.state == "success", run.log[-3000:]
    assert len(executors) == 4  # of each worker, for packing and for verifying
    shards = [shard_hashes(current(one, "de", "sequences-128")) for one in (output, undisturbed[1])]
    assert shards[0] == shards[1]
