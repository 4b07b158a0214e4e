"""What is shipped to a cluster is what was tested: one set of versions and hashes."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from conftest import ROOT, Ran, run_process


def blocks(lock: Path) -> dict[str, str]:
    """Name and version -> hashes."""
    found = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    pairs = (re.split(r"[ ;\\\n]", block, maxsplit=1) for block in found)
    return {name: "\n".join(sorted(re.findall(r"sha256:\w+", rest))) for name, rest in pairs}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def names_of(lines: list[str]) -> set[str]:
    """The packages that a list of dependencies names."""
    return {re.split(r"[<>=\[;]", line)[0] for line in lines}


def test_workers_get_the_packages_that_are_tested_here_and_no_spark() -> None:
    shipped, tested = (blocks(ROOT / "conf" / f"{n}.lock") for n in ("workers", "requirements"))
    assert shipped.items() <= tested.items()
    names = {pinned.partition("==")[0] for pinned in shipped}
    assert names_of(PROJECT["dependencies"] + EXTRAS["job"]) <= names
    assert names_of(EXTRAS["spark"]) == {"bfpack-spark", "pyspark"}
    assert not names & {"pyspark", "py4j"}


def test_the_versions_of_spark_that_are_tried_may_be_installed() -> None:
    (told,) = [line for line in EXTRAS["spark"] if line.startswith("pyspark")]
    assert told == "pyspark>=3.5,<5"
    locks = sorted((ROOT / "conf" / "spark").glob("*.lock"))
    assert [lock.stem for lock in locks] == ["3.5.0", "3.5", "4.0", "4.1", "4.2", "4"]
    for lock in locks:
        names = dict(pinned.split("==") for pinned in blocks(lock))
        assert {"pyspark", "py4j"} <= set(names)
        assert f"{names['pyspark']}.".startswith(f"{lock.stem}.")


ONE_LINE = """
import sys
from importlib.metadata import packages_distributions
kept = set(sys.argv[2].split(","))
owners_of = packages_distributions().items()
hidden = [n for n, own in owners_of if not kept & {o.replace("_", "-").lower() for o in own}]
sys.modules.update(dict.fromkeys(hidden))
"""


def with_needs(names: set[str]) -> set[str]:
    """These packages, and those that they cannot do without here."""
    here = {owner for owners in packages_distributions().values() for owner in map(usual, owners)}
    lines = [line for name in names & here for line in requires(name) or ()]
    required = (line for line in lines if not re.search(r"extra\s*==", line))
    needs = {usual(re.split(r"[^\w.-]", line)[0]) for line in required} & here
    return names if needs <= names else with_needs(names | needs)


def usual(name: str) -> str:
    """The one form of a package's name."""
    return name.replace("_", "-").lower()


def without_extras(source: str) -> Ran:
    """Run this source where only what needs no extra can be imported."""
    plain = ",".join(sorted(with_needs(names_of(PROJECT["dependencies"])) | {"bfpack-spark"}))
    return run_process(sys.executable, "-c", ONE_LINE + source, "stats", plain, cwd=ROOT)


def test_a_command_without_its_extra_is_one_line() -> None:
    done = without_extras("from bfpack_spark.__main__ import main; main(['stats'])")
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert re.match(r"bfpack: error: \w+ is not installed; install bfpack-spark\[spark\]", line)


def test_the_oldest_packages_are_tried_with_the_oldest_spark() -> None:
    tried = set(blocks(ROOT / "conf" / "spark" / "3.5.0.lock"))
    wanted = PROJECT["dependencies"] + EXTRAS["job"] + EXTRAS["spark"][1:]
    assert len(wanted) > 15
    for line in wanted:
        name, lowest = re.match(r"([\w-]+)>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        assert [pinned for pinned in tried if re.fullmatch(rf"{name}=={lowest}(\.0)*", pinned)], (
            line
        )


READ = """
from bfpack_spark.reading import PackedSequences
data = PackedSequences("tests/data/output-1/output", bucket="b", seq_len=64)
print(len(data), sum(int(batch["num_tokens"].sum()) for batch in data.batches(4)))
"""


def test_shards_are_read_without_any_extra() -> None:
    rows, tokens = map(int, without_extras(READ).succeeds().out.split())
    assert tokens > 32 * rows > 0


def test_what_the_image_for_kubernetes_holds_is_there_or_made() -> None:
    text = (ROOT / "conf" / "Dockerfile").read_text()
    sources = re.findall(r"^(?:ADD|COPY) (\S+) /opt/bfpack/", text, re.MULTILINE)
    assert len(sources) == 3
    made = re.search(r"^ENVIRONMENT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made is not None
    assert not [name for name in sources if name != made[1] and not (ROOT / name).exists()]
    named = re.findall(r"local:///opt/bfpack/(\S+)|--properties-file (\S+)", text)
    assert len(named) == 2
    assert not [job + file for job, file in named if not (ROOT / (job + file)).exists()]
