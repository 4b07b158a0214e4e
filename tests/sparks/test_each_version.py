"""Each version of Spark, in an environment of its own under .versions, makes the same bytes. Where
the environment has another pyarrow, which writes other bytes of the same rows, it makes the same
rows."""

import json
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest
from conftest import ROOT, Bfpack, Corpus, Ran, pack_options, run_process
from connect_server import connect_server
from outputs import current, shard_hashes

pytestmark = pytest.mark.timeout(600)

NAMED = os.environ.get("VERSIONS", "").split()
RULES = ("--seq-len", 512, "--group-documents-max", 50, "--num-shards", 7)
AT = ("--bucket", "small", "--seq-len", 512)
LOCAL = ("--spark-conf", "spark.master=local[2]", "--spark-conf", "spark.driver.memory=2g")
SUBMIT = ("--master", "local[2]", "--driver-memory", "2g", "--conf", "spark.ui.enabled=false")
# What asks Spark for more than its public interface, and what is done otherwise on some versions.
OWN_TESTS = (
    *("test_hash_keys.py", "test_partitions.py", "test_versions.py", "test_costs.py"),
    "test_described_jobs.py",
)
# Since 4.0 the jar of Spark Connect comes with pyspark.
WITH_CONNECT = ("4.0", "4")
WITH_ICEBERG = "4.1"


@pytest.fixture(scope="module", params=NAMED)
def programs(request: pytest.FixtureRequest) -> Path:
    """Where the programs of a version's environment are."""
    folder = ROOT / ".versions" / str(request.param) / "bin"
    assert folder.is_dir(), f"make .versions/{request.param}/.ready makes it"
    return folder


@pytest.fixture(scope="module")
def expected(corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the sequences by the Spark of this process."""
    output = tmp_path_factory.mktemp("expected")
    bfpack("pack", *pack_options(corpus, output), *RULES).succeeds()
    return version_in(output)


def version_in(output: Path) -> Path:
    return current(output, "small", "sequences-512")


def check_shards(programs: Path, output: Path, expected: Path) -> None:
    """Their bytes are those expected, or their rows where another pyarrow has written them."""
    found, hashes = version_in(output), shard_hashes(expected)
    assert len(hashes) == 7
    if ran(programs, "python", "-c", "import pyarrow; print(pyarrow.__version__, end='')") == (
        pa.__version__
    ):
        assert shard_hashes(found) == hashes
        return
    assert [name for name, _ in shard_hashes(found)] == [name for name, _ in hashes]
    for name, _ in hashes:
        assert pq.read_table(found / name).equals(pq.read_table(expected / name))


def environment_of(programs: Path, **more: str) -> dict[str, str]:
    told = {"PYSPARK_PYTHON": str(programs / "python"), "SPARK_LOCAL_IP": "127.0.0.1"}
    return {**os.environ, **told, **more}


def run_in(programs: Path, name: str, *arguments: object, **more: str) -> Ran:
    """Run a command of the environment, with more variables in its environment."""
    environment = environment_of(programs, **more)
    return run_process(programs / name, *arguments, cwd=ROOT, env=environment)


def ran(programs: Path, name: str, *arguments: object, **more: str) -> str:
    """What such a command prints, which must not fail."""
    return run_in(programs, name, *arguments, **more).succeeds().out


def test_bfpack_packs_and_verifies_the_same_bytes(
    programs: Path, corpus: Corpus, expected: Path, tmp_path: Path
) -> None:
    ran(programs, "bfpack", "pack", *pack_options(corpus, tmp_path), *RULES, *LOCAL)
    check_shards(programs, tmp_path, expected)
    said = ran(programs, "bfpack", "verify", "--output", tmp_path, *AT, *LOCAL)
    assert "every invariant holds" in said


def test_spark_submit_packs_and_verifies_the_same_bytes(
    programs: Path, corpus: Corpus, expected: Path, tmp_path: Path
) -> None:
    jobs = ROOT / "jobs"
    packing = ("spark-submit", *SUBMIT, jobs / "pack_corpus.py")
    said = ran(programs, *packing, *pack_options(corpus, tmp_path), *RULES, "--json")
    assert [row["shards"] for row in json.loads(said)] == [7]
    check_shards(programs, tmp_path, expected)
    verifying = ("spark-submit", *SUBMIT, jobs / "verify_corpus.py", "--output", tmp_path)
    assert "every invariant holds" in ran(programs, *verifying, *AT)


def test_a_client_of_spark_connect_packs_the_same_bytes(
    programs: Path, corpus: Corpus, expected: Path, tmp_path: Path
) -> None:
    if programs.parent.name not in WITH_CONNECT:
        pytest.skip(f"Spark Connect is tried on {', '.join(WITH_CONNECT)}")
    (home,) = programs.parent.glob("lib/python*/site-packages/pyspark")
    with connect_server(home, environment_of(programs)) as address:
        options = [*pack_options(corpus, tmp_path), *RULES]
        ran(programs, "bfpack", "pack", *options, SPARK_REMOTE=address)
    check_shards(programs, tmp_path, expected)


def test_a_client_of_spark_connect_before_4_is_refused_in_one_line(
    programs: Path, corpus: Corpus, tmp_path: Path
) -> None:
    if programs.parent.name != "3.5":
        pytest.skip("Spark Connect is refused on 3.5")
    with connect_server(Path(pyspark.__file__).parent, os.environ) as address:
        options = pack_options(corpus, tmp_path)
        done = run_in(programs, "bfpack", "pack", *options, *RULES, SPARK_REMOTE=address)
    assert done.code == 2
    assert re.search(r"^bfpack: error: Spark Connect 3\.5\.\d+: was never tried", done.err, re.M)
    assert "Traceback" not in done.err


def test_tables_of_iceberg_are_packed_where_its_runtime_loads(programs: Path) -> None:
    if programs.parent.name != WITH_ICEBERG:
        pytest.skip(f"Iceberg's runtime loads on Spark {WITH_ICEBERG} alone")
    own_tests_pass(programs, ROOT / "tests" / "integration" / "test_iceberg.py")


def test_what_knows_the_inner_parts_of_spark_is_tested_on_it(programs: Path) -> None:
    own_tests_pass(programs, *(ROOT / "tests" / "spark" / name for name in OWN_TESTS))


def own_tests_pass(programs: Path, *tests: Path) -> None:
    """Run tests of this project in the environment; none may be skipped. An older pyspark warns of
    what it does itself, which is no failure of ours."""
    quietly = ("-q", "-W", "default")
    said = ran(programs, "python", "-m", "pytest", *quietly, *tests)
    assert " passed" in said
    assert " skipped" not in said
