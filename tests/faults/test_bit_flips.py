"""Flipped bits in pointers, manifests, tokenizer and all files that manifests name: verify names
each."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from conftest import Bfpack
from faults.corpora import deliver
from faults.kit import pack_command, verify_command
from faults.matrix import LONG, SLOW, Matrix
from outputs import flip

pytestmark = pytest.mark.timeout(1800)

FORMS = ("jsonl", "masks")


@pytest.fixture(scope="module")
def whole(bfpack: Bfpack, tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small outputs that verify holds for, by format."""
    folder = tmp_path_factory.mktemp("whole")
    for form in FORMS:
        delivery, output = deliver(folder / "in" / form, form), folder / form
        more = (*delivery.options, "--num-shards", 8)
        bfpack(*pack_command(delivery.new, tiny_tokenizer, output, *more)).succeeds()
        bfpack(*verify_command(output)).succeeds()
    assert list(folder.glob("masks/b/sequences-*/*/quarantine/*"))
    return folder


def data_files(output: Path) -> list[Path]:
    """All files that manifests name, relative to the output."""
    found = [
        (path.parent / entry["path"]).relative_to(output)
        for path in sorted(output.glob("b/*/*/_manifest.json"))
        for entry in json.loads(path.read_bytes())["files"]
    ]
    kinds = {path.parent.name for path in found}
    assert kinds == {"documents", "quarantine", "plan", "shards"}
    return found


def metadata_files(output: Path) -> list[Path]:
    found = [*output.glob("b/*/_current.json"), *output.glob("b/*/*/_manifest.json")]
    found += output.glob("b/tokens/*/tokenizer.json")
    assert len(found) == 5
    return sorted(path.relative_to(output) for path in found)


@pytest.mark.parametrize(
    "number", [0, 1, *(pytest.param(n, marks=SLOW if n < 5 else LONG) for n in range(2, 18))]
)
def test_verify_names_every_file_of_data_with_a_flipped_bit(
    bfpack: Bfpack, whole: Path, matrix: Matrix, tmp_path: Path, number: int
) -> None:
    """A flip in each of them at once: each is named for itself."""
    output = Path(shutil.copytree(whole / FORMS[number % 2], tmp_path / "out"))
    chosen = random.Random(number)
    names = data_files(output)
    for name in names:
        bit = chosen.randrange((output / name).stat().st_size * 8)
        flip(output / name, bit // 8, 1 << bit % 8)
    ran = bfpack(*verify_command(output))
    assert ran.code == 1
    for file, times in Counter(f"{name.parent.name}/{name.name}" for name in names).items():
        said = [line for line in ran.out.splitlines() if "): sha256: " in line and file in line]
        assert len(said) == times, ran.out
    matrix.add("flipped bit in a file of data", "verify names it", len(names))


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(n, marks=SLOW if n < 6 else LONG) for n in range(1, 21))]
)
def test_verify_names_pointer_manifest_and_tokenizer_with_a_flipped_bit(
    bfpack: Bfpack, whole: Path, matrix: Matrix, tmp_path: Path, number: int
) -> None:
    """One at a time, since who cannot read the first does not come to the second."""
    output = Path(shutil.copytree(whole / FORMS[number % 2], tmp_path / "out"))
    chosen = random.Random(1000 + number)
    for name in metadata_files(output):
        raw = (output / name).read_bytes()
        bit = chosen.randrange(len(raw) * 8)
        flip(output / name, bit // 8, 1 << bit % 8)
        ran = bfpack(*verify_command(output))
        assert ran.code in (1, 2), f"bit {bit} of {name}"
        assert name.name in ran.out + ran.err, f"bit {bit} of {name}"
        assert "Traceback" not in ran.err
        (output / name).write_bytes(raw)
        matrix.add("flipped bit in pointer, manifest or tokenizer", "verify names it")
    assert bfpack(*verify_command(output)).code == 0
