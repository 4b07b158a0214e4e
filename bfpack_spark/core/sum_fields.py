"""Sums of numbers that may be unknown, and of dataclasses field by field."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

Held = TypeVar("Held")


def sum_of(parts: Sequence[Held], *alike: str) -> Held:
    """Return the sum of dataclasses of one kind, field by field. The fields in `alike` stay those
    of the first."""
    first: Any = parts[0]
    names = (field.name for field in fields(first) if field.name not in alike)
    sums = {name: sum_known([getattr(part, name) for part in parts]) for name in names}
    total: Held = replace(first, **sums)
    return total


def sum_known(values: Sequence[Any]) -> Any:
    """Return the sum of numbers, or of tuples number by number; or None if one is not known."""
    if any(value is None for value in values):
        return None
    if values and isinstance(values[0], tuple):
        return tuple(map(sum, zip(*values, strict=True)))
    return sum(values)
