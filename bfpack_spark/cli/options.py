"""A field of Settings is an option: its name with dashes, its type, its description."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import click

from bfpack_spark.config import Settings, load_settings
from bfpack_spark.errors import InputError

Command = Callable[..., Any]


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Options for the fields named, and --config; the command receives one Settings."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(config: Path | None, **options: Any) -> Any:
            _check_encodable({"config": str(config or ""), **options})
            own = {key: options.pop(key) for key in list(options) if key not in names}
            spark = dict(_key_value(item) for item in options.pop("spark", ()))
            return command(load_settings(config, {**options, "spark": spark}), **own)

        decorated: Command = run
        for name in reversed(names):
            decorated = _option(name)(decorated)
        path = click.Path(path_type=Path)
        return click.option("--config", type=path, help="TOML file of settings")(decorated)

    return decorate


def _option(name: str) -> Callable[[Command], Command]:
    field = Settings.model_fields[name]
    flag = "--spark-conf" if name == "spark" else "--" + name.replace("_", "-")
    kinds = list(get_args(field.annotation) or (field.annotation,))
    help_text = field.description or ""
    if field.default not in (None, ()) and name != "spark":
        help_text += f" [default: {field.default}]"
    if name in ("input", "seq_len", "bucket", "spark"):
        metavar = "KEY=VALUE" if name == "spark" else None
        kind: Any = int if name == "seq_len" else str
        return click.option(flag, name, type=kind, multiple=True, help=help_text, metavar=metavar)
    if field.annotation is bool:
        both = f"{flag}/--no-{flag.removeprefix('--')}"
        return click.option(both, name, default=None, help=help_text)
    return click.option(flag, name, type=_click_type(field.annotation, kinds), help=help_text)


def _click_type(annotation: Any, kinds: list[Any]) -> Any:
    literal = next((k for k in (annotation, *kinds) if "Literal" in str(get_origin(k))), None)
    if literal is not None:
        return click.Choice(get_args(literal))
    return next((kind for kind in (int, float) if kind in kinds), str)


def _check_encodable(options: dict[str, Any]) -> None:
    """InputError for an argument that is not UTF-8: Python holds its bytes as halves of surrogate
    pairs, which neither Arrow nor Java takes."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and re.search("[\ud800-\udfff]", text):
                flag = name.replace("_", "-")
                raise InputError(f"--{flag} {text}: holds bytes that are not UTF-8; rename it")


def _key_value(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        shown = item.split()[0] if equals == "" and item.strip() else "..."  # it may be a secret
        raise InputError(f"--spark-conf {shown}: write KEY=VALUE")
    return key, value
