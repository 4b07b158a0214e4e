"""spark-submit on YARN, whose containers get what `make dist` made, with HDFS in and out."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Corpus, run_process
from hadoop_cluster import Hadoop
from integration.submitter import SPARK_HOME, bare_environment
from outputs import current, shard_hashes

pytestmark = pytest.mark.timeout(900)  # a cluster is started, and a busy one takes its time

SETTINGS = {
    "spark.yarn.jars": f"local:{SPARK_HOME}/jars/*",  # otherwise 400 MB go to HDFS first
    "spark.executor.instances": 2,
    "spark.executor.memory": "640m",  # the node manager has 4 GB for all three containers
    "spark.executor.memoryOverhead": "768m",
    "spark.yarn.am.memory": "384m",
    "spark.ui.enabled": "false",
}


def test_a_job_on_yarn_makes_the_shards_of_one_process(
    hadoop: Hadoop, submit_from: Path, corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    hadoop.copy_in(corpus.path, "/corpus")
    command: list[Any] = [SPARK_HOME / "bin" / "spark-submit", "--master", "yarn"]
    command += ["--properties-file", "conf/spark-defaults.example.conf"]
    command += [x for key, value in SETTINGS.items() for x in ("--conf", f"{key}={value}")]
    command += ["jobs/pack_corpus.py", "--config", "conf/cluster.toml", "--json", "--seq-len", 512]
    command += ["--input", f"{hadoop.address}/corpus", "--output", f"{hadoop.address}/packed"]
    command += ["--bucket", "small", "--id-column", "doc_id", "--tokenizer", corpus.tokenizer]
    environment = {**bare_environment(), "HADOOP_CONF_DIR": str(hadoop.conf)}
    ran = run_process(*command, cwd=submit_from, env=environment).succeeds()
    assert [row["seq_len"] for row in json.loads(ran.out)] == [512]
    hadoop.copy_out("/packed", tmp_path / "packed")
    ours, theirs = (current(o, "small", "sequences-512") for o in (tmp_path / "packed", packed))
    assert shard_hashes(ours) == shard_hashes(theirs)
    # The application's master and at least one executor; how soon the other comes is YARN's affair.
    assert containers(hadoop) >= 2


def containers(hadoop: Hadoop) -> int:
    """How many containers YARN had for the application that ran, by YARN's own account."""
    applications = hadoop.yarn.getResourceManager().getRMContext().getRMApps().values()
    (application,) = list(applications)
    return int(application.getRMAppMetrics().getTotalAllocatedContainers())
