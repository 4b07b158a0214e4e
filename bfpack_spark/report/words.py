"""Numbers and settings as people read them."""

from typing import Any

from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.kept_targets import BY_MASK
from bfpack_spark.core.rules import Rules


def count(value: float) -> str:
    """Return a number as a whole one: 1234.4 -> 1,234."""
    return f"{value:,.0f}"


def span(low: int, high: int) -> str:
    """Return a range of numbers: 3, 3 -> 3; 1000, 2000 -> 1,000 to 2,000."""
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def share(part: float, whole: float) -> str:
    """Return a part as a percentage: 1 of 8 -> 12.5 %."""
    return percent(part / whole) if whole else percent(0.0)


def percent(value: float) -> str:
    """Return a percentage with about three significant digits and no power of ten: 0.5 -> 50.0 %,
    0.00012 -> 0.0120 %."""
    size = abs(100 * value)
    digits = 1 if size >= 10 or size == 0 else 2 if size >= 1 else 4
    return f"{100 * value:.{digits}f} %"


def mean(value: float) -> str:
    """Return a mean with few digits: 0.1234 -> 0.123, 12.34 -> 12.3."""
    return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"


def size(num_bytes: float) -> str:
    """Return a size with its unit: 1500000 -> 1.5 MB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= unit:
            return f"{num_bytes / unit:,.1f} {name}"
    return f"{num_bytes:,.0f} bytes"


def seconds(value: float | None) -> str:
    """Return a time with its unit: 90.5 -> 90.5 s, 180 -> 3.0 min, None -> not known."""
    if value is None:
        return "not known"
    return f"{value:,.1f} s" if value < 120 else f"{value / 60:,.1f} min"


def rules_words(rules: Rules) -> str:
    """Return what tells one packing from another: 2,048; 2,048 by concatenation; 2,048, truncate;
    2,048, align 8."""
    way = "" if rules.packing == "best_fit" else " by concatenation"
    policy = "" if rules.long_documents in ("split", "error") else f", {rules.long_documents}"
    more = "".join(f", {n.replace('_', ' ')} {v}" for n, v in rules.chosen().items())
    return f"{count(rules.seq_len)}{way}{policy}{more}"


def rules_name(rules: Rules) -> str:
    """Return the same as the name of a place on a page."""
    more = (f"{name}-{value}" for name, value in rules.chosen().items())
    parts = (str(rules.seq_len), rules.packing, rules.long_documents, *more)
    return "-".join(part for part in parts if part not in ("best_fit", "split", "error"))


def why_dropped(long_documents: LongDocuments) -> str:
    """Return why a policy leaves out whole documents: drop -> longer than seq_len; truncate, which
    does so where there are loss masks -> no target is left."""
    return "no target is left" if long_documents in BY_MASK else "longer than seq_len"


def setting(value: Any) -> str:
    """Return a value of the configuration as text."""
    return "none" if value is None else str(value)
