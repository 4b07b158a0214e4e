"""Options that are given on the command line and that the command would not look at. A key in the
file of --config is no mistake there, since one file serves every command."""

from collections.abc import Iterable, Mapping

import click
from click.core import ParameterSource

from bfpack_spark.errors import InputError


def refuse_unused(names: Iterable[str], why: str) -> None:
    """Raise InputError, which says why, if one of these parameters is given on the command line.
    From Python there is no command line."""
    context = click.get_current_context(silent=True)
    if context is None:
        return
    flags = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    unused = [flags[name] for name in names if is_given(name)]
    if unused:
        raise InputError(f"{', '.join(unused)}: {why}")


def is_given(name: str) -> bool:
    """Tell whether this parameter is given on the command line, and not in the file of --config."""
    context = click.get_current_context(silent=True)
    if context is None:
        return False
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def only_one(flags: Mapping[str, bool]) -> str | None:
    """Return the name of the flag that is given, or None. Raise InputError if several are."""
    names = [name for name, is_given in flags.items() if is_given]
    if len(names) > 1:
        said = ", ".join(f"--{name}" for name in names)
        raise InputError(f"{said}: give one of them")
    return names[0] if names else None
