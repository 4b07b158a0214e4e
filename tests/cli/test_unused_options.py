"""An option of the command line that a command would not look at is refused in one line. The same
key in the file of --config is no mistake."""

from pathlib import Path

import pytest
from cli.commands import error_of
from conftest import Bfpack, Corpus

AT = ("--seq-len", 512)


@pytest.mark.parametrize(
    ("command", "more", "says"),
    [
        ("stats", (*AT, "--input", "corpus"), "--input: only what is tokenized in --output is"),
        (
            "stats",
            (*AT, "--id-column", "i", "--engine", "auto"),
            "--id-column, --engine: only what is",
        ),
        ("stats", (*AT, "--sample", 3, "--input", "x"), "--output: --sample draws from the"),
        ("stats", (*AT, "--details", "--csv"), "--details: --csv has all numbers; leave it out"),
        ("stats", (*AT, "--csv", "--json"), "--csv, --json: give one of them"),
        ("path", ("--plan", "--tokens"), "--plan, --tokens: give one of them"),
        ("verify", (*AT, "--engine", "tokenizers"), "--engine: no text is read without --input"),
        ("path", (*AT, "--tokens"), "--seq-len: a token store serves every seq_len; leave it out"),
        ("report", (*AT, "--mixture", "m"), "--seq-len: a mixture has its own; leave it out"),
    ],
)
def test_an_option_that_is_not_looked_at_is_refused(
    command: str, more: tuple[object, ...], says: str, packed: Path, bfpack: Bfpack
) -> None:
    assert error_of(bfpack(command, "--output", packed, *more)).startswith(says)


def test_a_file_of_settings_serves_commands_that_need_less(
    packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        f'output = "{packed}"\nseq_len = [512]\ninput = "gone"\nid_column = "i"\nengine = "auto"\n'
    )
    for command, *more in (("stats",), ("path", "--tokens"), ("path",)):
        bfpack(command, "--config", config, *more).succeeds()


def test_a_text_that_is_not_tokenized_is_told_of_a_sample(
    bfpack: Bfpack, demo_corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    remedy = "; or estimate from a text, by --input, --tokenizer and --sample N"
    for where in (
        (),
        ("--output", tmp_path),
        ("--output", tmp_path, "--input", demo_corpus.path),
        ("--output", packed, "--bucket", "gone"),
    ):
        assert error_of(bfpack("stats", *AT, *where)).endswith(remedy)
    says = error_of(bfpack("stats", *AT, "--input", demo_corpus.path))
    assert says == f"--input {demo_corpus.path}: say how many documents to draw, --sample N"


def test_a_column_of_text_beside_another_content_is_refused(bfpack: Bfpack, packed: Path) -> None:
    columns = ("--tokens-column", "ids", "--text-column", "body")
    where = ("--input", "x", "--output", packed, "--tokenizer", "x", "--bucket", "b")
    assert error_of(bfpack("pack", *where, *AT, *columns)) == (
        "--tokens-column and --text-column exclude each other: give one of them"
    )
