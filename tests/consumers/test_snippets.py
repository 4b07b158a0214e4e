"""The blocks of reading/README.md run as they are, but for names and sizes."""

import re
from pathlib import Path
from typing import Any

import pytest
from consumers.conftest import tiny_model, tiny_tokenizer
from consumers.small import SEQ_LEN

README = Path(__file__).resolve().parents[2] / "bfpack_spark/reading/README.md"
SECTION = README.read_text().partition("## Trainers\n")[2].partition("\n## ")[0]
BLOCKS = dict(re.findall(r"^### (.*?)$.*?```python\n(.*?)```", SECTION, re.DOTALL | re.MULTILINE))
# What is left of a block's work: its result, and what shows that it is one.
RESULTS: dict[str, Any] = {
    "PyTorch": lambda names: names["loss"].item() > 0,
    "torchdata": lambda names: names["batch"]["input_ids"].shape == (1, 8 * SEQ_LEN),
    "Trainer of transformers": lambda names: names["trainer"].state.global_step == 3,
    "TRL": lambda names: names["trainer"].state.global_step == 3,
    "accelerate": lambda names: names["loss"].item() > 0,
    "grain": lambda names: names["batch"]["segment_ids"].shape == (8, SEQ_LEN),
    "datasets": lambda names: len(names["row"]["input_ids"]) == SEQ_LEN,
}


def test_every_block_is_run() -> None:
    assert BLOCKS.keys() == RESULTS.keys()


@pytest.mark.parametrize("name", RESULTS)
def test_a_block_of_the_readme_does_what_it_says(
    name: str, output: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    source = BLOCKS[name]
    for placeholder, value in (('"out"', repr(str(output))), ('"web"', '"b"'), ("2048", "64")):
        source = source.replace(placeholder, value)
    names = {
        "model": tiny_model(),
        "tokenizer": tiny_tokenizer(),
        "rank": 0,
        "world_size": 1,
        "shards": str(shards),
    }
    exec(compile(source, f"README: {name}", "exec"), names)
    assert RESULTS[name](names)
