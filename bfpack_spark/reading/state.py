"""The state of a stream: how far all ranks have come, and what must not change."""

import operator
from dataclasses import replace
from typing import Any

from bfpack_spark.core.row_order import OrderRules
from bfpack_spark.errors import InputError

_FIXED = ("fingerprint", "seed", "lanes", "window")
_LARGEST = {"lanes": 2**31 - 1, "window": 2**31 - 1}


def state_of(position: int, fingerprint: str, rules: OrderRules) -> dict[str, Any]:
    """Return a state, of numbers and texts alone."""
    return {
        "position": position,
        "epoch": rules.epoch,
        "fingerprint": fingerprint,
        "seed": rules.seed,
        "lanes": rules.lanes,
        "window": rules.window,
    }


def check_state(state: dict[str, Any], own: dict[str, Any], num_rows: int) -> tuple[int, int]:
    """Return position and epoch of a state. Raises InputError if it is that of other data, seed,
    lanes or window than `own`, or that of a loader."""
    missing = own.keys() - state.keys()
    if missing:
        raise InputError(f"state: lacks {', '.join(sorted(missing))}; give one of state_dict()")
    if more := state.keys() - own.keys():
        raise InputError(
            f"state: has {', '.join(sorted(map(str, more)))}, so it is that of a loader; load it "
            "with the loader"
        )
    most = {"position": num_rows}
    numbers = {
        name: whole_number(f"state: {name}", state[name], 0, most.get(name))
        for name in own
        if name != "fingerprint"
    }
    for name in _FIXED:
        if own[name] != state[name]:
            raise InputError(
                f"state: is of {name} {state[name]}, and this data has {own[name]}; open the data "
                f"with the state's {name}, or begin anew"
            )
    return numbers["position"], numbers["epoch"]


def as_continued(
    state: dict[str, Any], fingerprint: str, continues: tuple[str, int] | None
) -> dict[str, Any]:
    """Return a state as that of the stream with this fingerprint, which `continues` an older one
    from a position on. Raises InputError if it is the older one's at another position."""
    if continues is None or state.get("fingerprint") != continues[0]:
        return state
    if state.get("position") != continues[1]:
        raise InputError(
            f"state: is at position {state.get('position')} of the older mixture, and this one "
            f"continues it at {continues[1]}; give the state of this position, or continue the "
            "older mixture where the state is"
        )
    return {**state, "fingerprint": fingerprint}


def checked_rules(rules: OrderRules) -> OrderRules:
    """Return the same rules, in Python's own numbers. Raises InputError, naming the value, if one
    of them cannot be."""
    least = {"seed": 0, "epoch": 0, "lanes": 1, "window": 1}
    held = {
        name: whole_number(name, getattr(rules, name), low, _LARGEST.get(name))
        for name, low in least.items()
    }
    return replace(rules, **held)


def checked_rank(rank: int, world_size: int) -> tuple[int, int]:
    """Return rank and world size. Raises InputError if there is no such rank."""
    rank, world_size = whole_number("rank", rank, 0), whole_number("world_size", world_size, 1)
    if rank >= world_size:
        raise InputError(f"rank {rank} of {world_size}: give a rank of 0 to world_size - 1")
    return rank, world_size


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number of any type, of numpy's too, as Python's own. Raises InputError, with
    the name, if it is none of least..most."""
    upto = f"from {least} on" if most is None else f"of {least} to {most}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        raise InputError(f"{name} {value!r:.60}: give a whole number {upto}")
    return number
