"""The jobs under the real spark-submit: the same entries, the submitter's session."""

import json
import os
import sys
from pathlib import Path

from conftest import ROOT, Bfpack, Corpus, Ran, pack_options, run_process
from outputs import shard_hashes


def submit(job: str, *arguments: object, cwd: Path) -> Ran:
    spark_submit = Path(sys.executable).parent / "spark-submit"
    command = [spark_submit, "--master", "local[2]", "--driver-memory", "2g"]
    command += ["--conf", "spark.ui.enabled=false", ROOT / "jobs" / job, *arguments]
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    return run_process(*command, cwd=cwd, env=environment)


def test_spark_submit_packs_the_same_bytes(corpus: Corpus, packed: Path, tmp_path: Path) -> None:
    for name in ("random.py", "tokenize.py"):
        (tmp_path / name).write_text("raise SystemExit('imported from the current directory')")
    output = tmp_path / "output"
    options = [*pack_options(corpus, output), "--seq-len", 512]
    (row,) = json.loads(submit("pack_corpus.py", *options, "--json", cwd=tmp_path).succeeds().out)
    submitted = Path(row["path"]).parent
    shards = shard_hashes(submitted)
    assert len(shards) == row["shards"]
    assert shards == shard_hashes(packed / submitted.relative_to(output))


def test_a_mistake_under_spark_submit_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = submit("corpus_stats.py", "--output", "nowhere", "--bucket", "b", cwd=tmp_path)
    assert done.code == 2
    said = done.out + done.err  # spark-submit merges a job's stderr into its stdout
    assert [line for line in said.splitlines() if "no token store published in nowhere" in line]
    assert "Traceback" not in said


def test_every_job_is_a_command_of_the_same_options(bfpack: Bfpack) -> None:
    jobs = sorted((ROOT / "jobs").glob("*.py"))
    assert len(jobs) >= 6
    for job in jobs:
        (line,) = [x for x in job.read_text().splitlines() if x.startswith("main([")]
        command = line.split('"')[1]
        assert bfpack(command, "--help").code == 0
        assert f"`bfpack {command} OPTIONS`" in job.read_text()
