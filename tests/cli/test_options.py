"""What --help says of every command."""

import re
import shlex
from collections import Counter
from pathlib import Path

import click
import pytest
from conftest import run_python

from bfpack_spark.cli.main import bfpack
from bfpack_spark.cli.options import GROUPS
from bfpack_spark.config import Settings

COMMANDS = sorted(bfpack.commands)


def command_of(name: str) -> click.Command:
    command = bfpack.get_command(click.Context(bfpack), name)
    assert command is not None
    assert command.name == name
    return command


def help_of(name: str) -> str:
    command = command_of(name)
    return command.get_help(command.make_context(name, [], resilient_parsing=True))


def test_every_setting_has_one_place_in_the_help() -> None:
    places = Counter(name for names in GROUPS.values() for name in names)
    assert places == Counter(list(Settings.model_fields))


def test_descriptions_are_whole_sentences() -> None:
    for name, field in Settings.model_fields.items():
        assert re.fullmatch(r"[A-Z][a-z]+s .*\.", field.description or ""), name


@pytest.mark.parametrize("name", COMMANDS)
def test_options_stand_in_sections_and_each_section_once(name: str) -> None:
    headings = re.findall(r"^(\w+) options:$", help_of(name), re.MULTILINE)
    ordered = [heading for heading in (*GROUPS, "Other") if heading in headings]
    assert headings == ordered
    assert len(headings) >= 2


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_gives_what_is_required_and_options_that_exist(name: str) -> None:
    command = command_of(name)
    examples = re.search(r"^Example:\n((?:  bfpack .*\n?)+)", help_of(name), re.MULTILINE)
    assert examples
    required = {
        each.name for each in command.params if "[required]" in (getattr(each, "help", "") or "")
    }
    for example in examples.group(1).splitlines():
        program, called, *arguments = shlex.split(example.partition(" > ")[0])
        assert (program, called) == ("bfpack", name)
        given = command.make_context(name, arguments).params
        assert required <= {key for key, value in given.items() if value}
    assert required or name == "stats"  # which takes an output or a text


def test_a_line_of_the_list_of_commands_is_whole() -> None:
    listed = bfpack.get_help(bfpack.make_context("bfpack", ["x"], resilient_parsing=True))
    assert re.findall(r"^  ([a-z]+)  +[A-Z].*[a-z]\.$", listed, re.MULTILINE) == [
        *("pack", "tokenize", "plan", "assemble", "verify", "stats", "show", "path", "report"),
        *("mix", "export", "snapshot", "versions", "prune"),
    ]
    assert len(COMMANDS) == 14


# What a command must not wait for, and a look at one takes for granted.
HEAVY = {"pyspark", "pandas", "matplotlib", "fastokens", "gigatoken", "jinja2"}
NOT_FOR_HELP = HEAVY | {"numpy", "pyarrow", "pydantic", "rich"}


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        ("--help", NOT_FOR_HELP),
        ("versions --output {out}", HEAVY),
        ("path --output {out} --bucket small --seq-len 2048", HEAVY),
        ("show --output {out} --bucket small --seq-len 2048 --sequence 0", HEAVY),
        ("show --output {out} --bucket small --seq-len 2048 --doc x", HEAVY),
    ],
)
def test_a_look_imports_only_what_it_needs(arguments: str, without: set[str], packed: Path) -> None:
    code = (
        "import sys\n"
        "from bfpack_spark.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    code = end.code\n"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    told = arguments.format(out=packed).split()
    ran = run_python(code, *told).succeeds()
    code_said, *imported = ran.err.splitlines()[-1].split()
    if "--doc" not in told:  # there is none of this name, which is told by what explains errors
        assert (code_said, without & {*imported}) == ("0", set())
    else:
        assert code_said == "2"
    assert "click" in imported
