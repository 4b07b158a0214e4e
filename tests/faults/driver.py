"""bfpack's real command in a process of its own, with faults at named points.

    python -m faults.driver FAULTS LOG ARGUMENTS...

starts a JVM as a user's command does. `run_attached` is for a process that was forked: it takes the
session of a JVM that lives on, as a driver under spark-submit does, and so costs a second.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.injection import install
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from bfpack_spark.cli.main import main


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Where a JVM that runs takes drivers."""

    port: int
    secret: str


def run_attached(
    gateway: Gateway,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    faults: Path,
    said: Path,
) -> None:
    """Run a command; stdout and stderr go to said.out and said.err, points to said.points."""
    for number, ending in ((1, ".out"), (2, ".err")):
        stream = os.open(said.with_suffix(ending), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update(environment)
    _take(faults, said.with_suffix(".points"))
    attach(gateway)
    try:
        main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _take(faults: Path, log: Path) -> None:
    """Say who is the driver, and take faults."""
    (faults / "driver").write_text(str(os.getpid()))
    install(faults, log)


def attach(gateway: Gateway) -> SparkSession:
    """A session of the context that the JVM has."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # as sessions that bfpack starts have it
    told = {"PYSPARK_GATEWAY_PORT": str(gateway.port), "PYSPARK_GATEWAY_SECRET": gateway.secret}
    os.environ.update(told)
    try:
        reached = launch_gateway()
    finally:
        for name in told:  # bfpack is not to think that it was submitted
            os.environ.pop(name)
    java = reached.jvm.SparkSession.getDefaultSession().get()
    context = reached.jvm.JavaSparkContext(java.sparkContext())
    conf = SparkConf(_jconf=context.getConf())
    return SparkSession(SparkContext(gateway=reached, jsc=context, conf=conf), java.newSession())


if __name__ == "__main__":
    _take(Path(sys.argv[1]), Path(sys.argv[2]))
    main(sys.argv[3:])
