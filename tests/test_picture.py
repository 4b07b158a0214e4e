"""The picture in README.md is what the packer does."""

import importlib.metadata
import re
from pathlib import Path

import pytest
from conftest import ROOT, script

PICTURE = ROOT / "scripts" / "packing.svg"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "packing.svg"
    script("draw_packing.py", path)
    return path


def texts(path: Path) -> list[str]:
    return re.findall(r"<text [^>]*>(.*?)</text>", path.read_text(encoding="utf-8"))


def test_the_picture_in_the_repository_says_what_the_packer_does(drawn: Path) -> None:
    titles = [text for text in texts(drawn) if "documents cut" in text]
    assert [title.split(", ")[-1] for title in titles] == [
        "4 of 12 documents cut",
        "1 of 12 documents cut",
    ]
    assert texts(drawn) == texts(PICTURE)


def test_the_picture_in_the_repository_has_the_bytes_that_are_drawn(drawn: Path) -> None:
    lock = (ROOT / "conf" / "requirements.lock").read_text(encoding="utf-8")
    locked = re.search(r"^matplotlib==(\S+)", lock, re.MULTILINE)
    assert locked
    installed = importlib.metadata.version("matplotlib")
    if installed != locked.group(1):
        pytest.skip(f"matplotlib {installed} is not {locked.group(1)} of conf/requirements.lock")
    assert drawn.read_bytes() == PICTURE.read_bytes()
