"""A name node, a data node, a resource manager and a node manager on loopback, in one JVM."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
from conftest import ROOT
from py4j.java_gateway import JavaGateway

JARS = ROOT / ".integration" / "hadoop" / "jars"
SPARK_JARS = Path(pyspark.__file__).parent / "jars"
JAVA_OPTIONS = ["-Xmx700m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.level=ERROR"]
SETTINGS = {
    "yarn.nodemanager.resource.cpu-vcores": "4",
    "yarn.nodemanager.vmem-check-enabled": "false",
    # A disk that is rather full is not a broken one.
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.9",
    "yarn.scheduler.minimum-allocation-mb": "256",
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
}
DEFAULT_LEASE = 60_000  # ms


@dataclass(frozen=True)
class Hadoop:
    """The cluster; files are looked at by Hadoop's own client."""

    address: str  # hdfs://HOST:PORT
    conf: Path  # for HADOOP_CONF_DIR
    dfs: Any
    yarn: Any
    jvm: Any

    def copy_in(self, source: Path, target: str) -> None:
        self._files.copyFromLocalFile(self._path(f"file://{source}"), self._path(target))

    def copy_out(self, source: str, target: Path) -> None:
        self._files.copyToLocalFile(False, self._path(source), self._path(f"file://{target}"), True)

    def names_below(self, folder: str) -> set[str]:
        listed, names = self._files.listFiles(self._path(folder), True), set()
        while listed.hasNext():
            names.add(listed.next().getPath().toString().partition(f"{folder}/")[2])
        return names

    def lease_lapses_after(self, milliseconds: int) -> None:
        """How long the name node waits for a client that is silent."""
        self.dfs.setLeasePeriod(milliseconds, 10 * DEFAULT_LEASE)

    @property
    def _files(self) -> Any:
        return self.dfs.getFileSystem()

    def _path(self, path: str) -> Any:
        return self.jvm.org.apache.hadoop.fs.Path(path)


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    if not JARS.exists():
        pytest.skip(f"{JARS.relative_to(ROOT)} is missing: make test-integration makes it")
    folder = tmp_path_factory.mktemp("hadoop")
    with (folder / "log").open("w") as log:
        gateway = JavaGateway.launch_gateway(
            jarpath=str(next(SPARK_JARS.glob("py4j-*.jar"))),
            java_path=f"{os.environ['JAVA_HOME']}/bin/java",
            javaopts=JAVA_OPTIONS,
            classpath=f"{JARS}/*:{SPARK_JARS}/*",
            redirect_stdout=log,
            redirect_stderr=log,
            die_on_exit=True,
        )
        hdfs, yarn = _started(gateway.jvm, folder)
        address = f"hdfs://localhost:{hdfs.getNameNodePort()}"
        conf = _configuration(gateway.jvm, yarn, folder / "conf")
        yield Hadoop(address, conf, hdfs, yarn, gateway.jvm)
        yarn.stop()
        hdfs.shutdown()
        gateway.shutdown()


def _started(jvm: Any, folder: Path) -> tuple[Any, Any]:
    conf = jvm.org.apache.hadoop.yarn.conf.YarnConfiguration()
    places = {"hadoop.tmp.dir": folder / "tmp", "hdfs.minidfs.basedir": folder / "dfs"}
    for name, value in {**SETTINGS, **places}.items():
        conf.set(name, str(value))
    jvm.System.setProperty("test.build.data", str(folder / "target"))
    hdfs = jvm.org.apache.hadoop.hdfs.MiniDFSCluster.Builder(conf).numDataNodes(1).build()
    hdfs.waitActive()
    yarn = jvm.org.apache.hadoop.yarn.server.MiniYARNCluster("yarn", 1, 1, 1)
    yarn.init(conf)
    yarn.start()
    assert yarn.waitForNodeManagersToConnect(60_000)
    return hdfs, yarn


def _configuration(jvm: Any, yarn: Any, folder: Path) -> Path:
    folder.mkdir()
    settings = jvm.org.apache.hadoop.conf.Configuration(yarn.getConfig())
    settings.unset("net.topology.node.switch.mapping.impl")  # a class that Spark does not have
    stream = jvm.java.io.FileOutputStream(str(folder / "core-site.xml"))
    settings.writeXml(stream)
    stream.close()
    for name in ("hdfs-site.xml", "yarn-site.xml"):  # each comes after Hadoop's own defaults
        shutil.copy(folder / "core-site.xml", folder / name)
    return folder
