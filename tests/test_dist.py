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
