"""The TOML file of --config, read as a table that may come from anybody."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.files.untrusted import check_depth, read_regular

_TOML_MAX = 1 << 20  # bytes


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises InputError if it is none."""
    try:
        found = tomllib.loads(read_regular(str(path), _TOML_MAX).decode("utf-8"))
        check_depth(found, str(path))
        return found
    except FileNotFoundError:
        raise InputError(f"--config {path}: no such file; give the path of a TOML file") from None
    except InputError as error:
        raise InputError(f"--config {error}") from None
    except RecursionError:
        raise InputError(f"--config {path}: nested too deep; write plain tables") from None
    except (ValueError, OSError) as error:  # an integer of thousands of digits is a ValueError
        raise InputError(f"--config {path}: not readable as TOML: {error}") from None


def flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested tables with dotted keys, because TOML reads `spark.sql.x = 1` as
    nested tables and Spark wants the dotted key."""
    out: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            out += flatten(value, f"{prefix}{key}.")
        else:
            out.append((f"{prefix}{key}", value))
    return out
