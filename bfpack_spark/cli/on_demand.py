"""Parts of the command line that are imported when they are needed: `bfpack --help` needs no Spark.

A place is a module and a name in it: "bfpack_spark.cli.packing:pack".
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import cloup

from bfpack_spark.errors import said_of_missing


def at(place: str) -> Any:
    """Return what is at a place. Its module is imported."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def on_demand(place: str) -> Callable[..., Any]:
    """Return a function that calls the one at a place. Its module is imported by the first call."""
    return lambda *arguments, **named: at(place)(*arguments, **named)


class CommandAt(cloup.Command):
    """A command of which only the name and a line of help are known yet."""

    def __init__(self, name: str, place: str, line: str) -> None:
        super().__init__(name, short_help=line)
        self.place = place


class GroupOnDemand(cloup.Group):
    """A group of commands, each of which is imported when it is run or asked for its help."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if not isinstance(command, CommandAt):
            return command
        try:
            found: click.Command = at(command.place)
        except ModuleNotFoundError as error:
            line = said_of_missing(error)
            if line is None:
                raise
            raise click.ClickException(line) from None
        return found
