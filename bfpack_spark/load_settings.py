"""Settings from a TOML file and from options, which go before it."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bfpack_spark.column_settings import BESIDE, ONE_OF
from bfpack_spark.config import Settings, description
from bfpack_spark.errors import InputError
from bfpack_spark.files.toml_file import flatten, read_toml
from bfpack_spark.printable import option_of


def load_settings(config: Path | None, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a TOML file, overridden by options. Raises InputError, which names
    key, value and remedy."""
    values = dict(read_toml(config) if config else {})
    unknown = sorted(set(values) - set(Settings.model_fields))
    if unknown:
        raise InputError(f"{config}: unknown key {unknown[0]!r}; {_known_keys(unknown[0])}")
    if not isinstance(values.get("spark", {}), Mapping):
        kind = type(values["spark"]).__name__  # the value may be a secret
        raise InputError(f"{config}: spark is not a table but a {kind}; write a table, [spark]")
    own_spark = dict(flatten(values.get("spark", {})))
    _check_types(config, values, own_spark)
    spark = {**own_spark, **_spark_of(options)}
    given = {key: value for key, value in options.items() if value not in (None, ())}
    kept = {name: value for name, value in values.items() if name not in _replaced(given)}
    try:
        return Settings.model_validate({**kept, **given, "spark": spark})
    except ValidationError as error:
        raise InputError(_one_line(error)) from None


def _replaced(given: Mapping[str, Any]) -> set[str]:
    """Return the keys that these options take the place of: those that they exclude, and those that
    go with one of these."""
    groups = (*ONE_OF, ("num_shards", "rows_per_shard"))
    gone = {name for group in groups if given.keys() & set(group) for name in group}
    gone -= given.keys()
    return gone | {name for name, needed in BESIDE.items() if needed in gone} - given.keys()


def _spark_of(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options for Spark. Raise InputError if they are no mapping, as in Python."""
    spark = options.get("spark", {})
    if not isinstance(spark, Mapping):
        kind = type(spark).__name__  # the value may be a secret
        raise InputError(
            f"spark: is no mapping of settings but a {kind}; write spark={{'spark.KEY': 'VALUE'}}, "
            "or leave it out"
        )
    return spark


def _check_types(config: Path | None, values: dict[str, Any], spark: dict[str, Any]) -> None:
    """Raise InputError for what would be taken as something else: true as 1, a list as its text."""
    for key, value in values.items():
        held = value if isinstance(value, list) else [value]
        if bool in map(type, held) and Settings.model_fields[key].annotation is not bool:
            raise InputError(f"{option_of(key)} {value!r}: is no number; {description(key)}")
    for key, value in spark.items():
        if isinstance(value, list):
            raise InputError(f"{config}: spark.{key} is a list; write its value as a text")


def _known_keys(unknown: str) -> str:
    """Return the key that was meant, if there is one, and all that there are."""
    names = Settings.names()
    alike = difflib.get_close_matches(unknown.strip("-").replace("-", "_").lower(), names, 1)
    meant = f"did you mean {alike[0]!r}? The" if alike else "the"
    return f"{meant} keys are: {', '.join(names)}"


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][:1])
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{option_of(name)}: {problem}" if name else problem
    return f"{option_of(name)} {first['input']!r}: {problem}. {description(name)}"
