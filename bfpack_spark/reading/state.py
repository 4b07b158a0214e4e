"""The state of a stream: how far all ranks have come, and what must not change."""

from typing import Any

from bfpack_spark.core.row_order import OrderRules
from bfpack_spark.errors import InputError

_FIXED = ("fingerprint", "seed", "lanes", "window")


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
    lanes or window than `own`."""
    missing = own.keys() - state.keys()
    if missing:
        raise InputError(f"state: lacks {', '.join(sorted(missing))}; give one of state_dict()")
    for name in _FIXED:
        if own[name] != state[name]:
            raise InputError(
                f"state: is of {name} {state[name]}, and this data has {own[name]}; open the data "
                f"with the state's {name}, or begin anew"
            )
    position, epoch = int(state["position"]), int(state["epoch"])
    if not 0 <= position <= num_rows or epoch < 0:
        raise InputError(f"state: epoch {epoch}, position {position}: none of 0 to {num_rows}")
    return position, epoch


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


def check_rules(rank: int, world_size: int, rules: OrderRules, verify: str) -> None:
    """Raise InputError, naming the value, if one of these cannot be."""
    if not 0 <= rank < world_size:
        raise InputError(f"rank {rank} of {world_size}: give a rank of 0 to world_size - 1")
    for name, least in (("seed", 0), ("epoch", 0), ("lanes", 1), ("window", 1)):
        if (value := getattr(rules, name)) < least:
            raise InputError(f"{name} {value}: give a number from {least} on")
    if verify not in ("pages", "sha256"):
        raise InputError(f"verify {verify!r}: give 'pages' or 'sha256'")
