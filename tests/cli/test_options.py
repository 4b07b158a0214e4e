"""What --help says of every command."""

import re
import shlex
from collections import Counter

import pytest

from bfpack_spark.cli.main import bfpack
from bfpack_spark.cli.options import GROUPS
from bfpack_spark.config import Settings

COMMANDS = sorted(bfpack.commands)


def help_of(name: str) -> str:
    command = bfpack.commands[name]
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
    command = bfpack.commands[name]
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
    assert required
