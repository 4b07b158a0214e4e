"""One file of settings drives every command: each takes all that it names, or says what to name."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import error_of
from conftest import Bfpack, Corpus
from inputs import write_input

ROWS: list[Any] = [
    {"doc_id": f"{lang}{n}", "lang": lang, "text": "some words " * n}
    for lang in ("de", "fr")
    for n in range(1, 12)
]


@pytest.fixture(params=["bucket_column", "paths"])
def config(request: pytest.FixtureRequest, demo_corpus: Corpus, tmp_path: Path) -> Path:
    """Settings of a corpus of two buckets at two seq_lens."""
    for lang in ("de", "fr"):
        own = [row for row in ROWS if row["lang"] == lang]
        write_input(tmp_path / "corpus" / lang / "a.jsonl", own)
    by_column = request.param == "bucket_column"
    where = "" if by_column else "/{bucket}"
    told = {
        "input": f"{tmp_path}/corpus{where}",
        "output": f"{tmp_path}/output",
        "tokenizer": str(demo_corpus.tokenizer),
        "id_column": "doc_id",
        **({"bucket_column": "lang"} if by_column else {}),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    path = tmp_path / "settings.toml"
    path.write_text("\n".join([*lines, "seq_len = [32, 64]"]))
    return path


def test_every_command_takes_the_settings_that_pack_took(
    config: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    def run(command: str, *more: object) -> list[str]:
        ran = bfpack(command, "--config", config, *more).succeeds()
        return ran.out.splitlines()

    all_four = [f"{bucket} {seq_len}" for bucket in ("de", "fr") for seq_len in (32, 64)]
    for command in ("pack", "assemble"):
        assert [line.split(":")[0] for line in run(command)] == all_four
    assert len(run("tokenize")) == 2
    assert len(run("plan")) == 4
    verified = run("verify")
    assert [" ".join(line.split(" ")[:2]) for line in verified] == all_four
    assert all("11 documents equal their text tokenized anew" in line for line in verified)
    assert run("stats")
    (found,) = run("path", "--bucket", "de", "--seq-len", 32)
    assert Path(found).is_dir()
    assert run("show", "--bucket", "fr", "--doc", "fr1")[0].startswith("fr, seq_len 32, document")
    for command, *more in (("path",), ("show", "--sequence", 0)):
        says = error_of(bfpack(command, "--config", config, *more))
        assert says == "--bucket: 2 are in " + f"{tmp_path}/output; name one of de, fr"
        says = error_of(bfpack(command, "--config", config, "--bucket", "de", *more))
        assert says == "--seq-len: 2 are given; give one of 32, 64"
