"""Options from the fields of Settings: the name with dashes, the type, the description."""

import functools
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, get_args, get_origin

import click
import cloup

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.load_settings import load_settings
from bfpack_spark.printable import option_of

Command = Callable[..., Any]

# The sections of --help, in their order, and the fields in each.
GROUPS: dict[str, tuple[str, ...]] = {
    "Input": (
        *("input", "input_format", "input_version", "bucket", "bucket_column"),
        *("text_column", "id_column", "tokens_column", "labels_column", "loss_mask_column"),
        *("messages_column", "tools_column", "chat_template", "prompt_column"),
        *("completion_column",),
        *("max_document_bytes", "max_quarantined"),
    ),
    "Tokenizer": (
        *("tokenizer", "eos_token", "bos_token", "pad_token", "control_tokens"),
        *("engine", "audit_share"),
    ),
    "Packing": (
        *("seq_len", "packing", "long_documents", "overlap", "bos_at", "max_documents"),
        *("align", "num_sequences_multiple", "group_documents_max", "seed"),
    ),
    "Output": ("output", "num_shards", "rows_per_shard", "publish_delta", "publish_plan"),
    "Spark": ("spark",),
}

# Options that several commands take: a place in an output, the rules of a plan, and a text.
RULES = tuple(name for name in GROUPS["Packing"] if name != "seq_len")
PLACE = ("output", "bucket", "seq_len", "spark")
_OF_TEXT = (*GROUPS["Input"], *GROUPS["Tokenizer"])
TEXT = tuple(name for name in _OF_TEXT if name not in ("bucket", "pad_token"))


def command(example: str) -> Callable[[Command], cloup.Command]:
    """Return a decorator that makes a function a command, whose help ends with an example."""
    return cloup.command(epilog=f"\b\nExample:\n  {example}")


json_option = cloup.option("--json", "as_json", is_flag=True, help="Prints one JSON document.")
version_option = cloup.option(
    "--version", help="Takes the version of this name, 16 hex digits, and not the current one."
)


def settings_options(
    *names: str, required: Collection[str] = (), once: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Return a decorator that adds options for the fields named, and --config. The command receives
    one Settings. Help marks those that are `required`, on the command line or in the file of
    --config, and does not say that those that may be given `once` may be given several times."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(config: Path | None, **options: Any) -> Any:
            _check_encodable({"config": str(config or ""), **options})
            others = {key: options.pop(key) for key in list(options) if key not in names}
            spark = dict(_key_value(item) for item in options.pop("spark", ()))
            return command(load_settings(config, {**options, "spark": spark}), **others)

        decorated: Command = run
        for title, fields in reversed(GROUPS.items()):
            section = cloup.OptionGroup(f"{title} options")
            for name in (field for field in reversed(fields) if field in names):
                option = _option(name, section, required=name in required, once=name in once)
                decorated = option(decorated)
        path = click.Path(path_type=Path)
        text = "Reads settings from this TOML file; options given here go before them."
        return cloup.option("--config", type=path, help=text)(decorated)

    return decorate


def _option(
    name: str, group: cloup.OptionGroup, *, required: bool, once: bool
) -> Callable[[Command], Command]:
    field = Settings.model_fields[name]
    flag = "--spark-conf" if name == "spark" else option_of(name)
    kinds = list(get_args(field.annotation) or (field.annotation,))
    help_text = field.description or ""
    if once:
        help_text = help_text.partition(" Give it several times")[0]
    if field.default not in (None, ()) and name != "spark":
        help_text += f"  [default: {field.default}]"
    if required:
        help_text += "  [required]"
    if name in ("input", "seq_len", "bucket", "spark"):
        metavar = "KEY=VALUE" if name == "spark" else None
        kind: Any = int if name == "seq_len" else str
        return cloup.option(
            flag, name, type=kind, multiple=True, help=help_text, metavar=metavar, group=group
        )
    if field.annotation is bool:
        both = f"{flag}/--no-{flag.removeprefix('--')}"
        return cloup.option(both, name, default=None, help=help_text, group=group)
    kind = _click_type(field.annotation, kinds)
    return cloup.option(flag, name, type=kind, help=help_text, group=group)


def _click_type(annotation: Any, kinds: list[Any]) -> Any:
    literal = next((k for k in (annotation, *kinds) if "Literal" in str(get_origin(k))), None)
    if literal is not None:
        return click.Choice(get_args(literal))
    return next((kind for kind in (int, float) if kind in kinds), str)


def _check_encodable(options: dict[str, Any]) -> None:
    """Raise InputError for an argument that is not UTF-8. Python holds its bytes as halves of
    surrogate pairs, which neither Arrow nor Java takes."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and re.search("[\ud800-\udfff]", text):
                raise InputError(
                    f"{_as_typed(name)} {text}: holds bytes that are not UTF-8; rename it"
                )


def _as_typed(name: str) -> str:
    """Return how the parameter of this name is written: "--doc", or NAME of one without dashes."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name == name:
            is_option = isinstance(parameter, click.Option)
            return parameter.opts[0] if is_option else parameter.human_readable_name
    return option_of(name)


def _key_value(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        shown = item.split()[0] if equals == "" and item.strip() else "..."  # may be a secret
        raise InputError(f"--spark-conf {shown}: write KEY=VALUE")
    return key, value
