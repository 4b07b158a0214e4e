"""Known answers: tests/data, and those that stay where they came from."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
ELSEWHERE = Path(
    os.environ.get("BFPACK_ANCHORS")
    or Path(__file__).resolve().parents[2].parent / "shared" / "anchors"
)


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def load_from_elsewhere(name: str) -> Any:
    """Third-party data that is not copied: skips, saying so, where it is not there."""
    path = ELSEWHERE / name
    if not path.exists():
        pytest.skip(f"{name} is third-party data and not here; let BFPACK_ANCHORS name its folder")
    return json.loads(path.read_text())
