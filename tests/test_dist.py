"""What is shipped to a cluster is what was tested: one set of versions and hashes."""

import re
import tomllib
from pathlib import Path

from conftest import ROOT


def blocks(lock: Path) -> dict[str, str]:
    """Name and version -> hashes."""
    found = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    pairs = (re.split(r"[ ;\\\n]", block, maxsplit=1) for block in found)
    return {name: "\n".join(sorted(re.findall(r"sha256:\w+", rest))) for name, rest in pairs}


def test_workers_get_the_packages_that_are_tested_here_and_no_spark() -> None:
    shipped, tested = (blocks(ROOT / "conf" / f"{n}.lock") for n in ("workers", "requirements"))
    assert shipped.items() <= tested.items()
    names = {pinned.partition("==")[0] for pinned in shipped}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    assert "pyspark" in needed
    assert needed - names == {"pyspark"}


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
