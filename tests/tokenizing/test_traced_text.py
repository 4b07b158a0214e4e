"""Texts that know where they come from say so after every operation, as a slow oracle does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.tokenizing import traced_text
from bfpack_spark.tokenizing.traced_text import (
    MESSAGE,
    TARGET,
    TracedText,
    as_target,
    cut,
    holds_message,
    joined,
    runs_of,
    said,
)

# What a message says is Chinese, and what the template says is Latin; blanks and commas are both's.
CHINESE, LATIN = "漢字", "xy"
BLANKS = " \n\t,"
PARTS = st.lists(
    st.one_of(st.text(CHINESE + BLANKS, max_size=6).map(said), st.text(LATIN + BLANKS, max_size=6)),
    max_size=5,
)


def flags(text: str) -> list[int]:
    out = [flag for length, flag in runs_of(text) for _ in range(length)]
    assert len(out) == len(text)
    return out


def check(text: str) -> None:
    """Letters tell whose they are."""
    for letter, flag in zip(str.__str__(text), flags(text), strict=True):
        if letter in CHINESE:
            assert flag & MESSAGE, (text, runs_of(text))
        if letter in LATIN:
            assert not flag & MESSAGE, (text, runs_of(text))
    runs = runs_of(text)
    assert all(length for length, _ in runs)
    assert all(a[1] != b[1] for a, b in itertools.pairwise(runs))
    assert isinstance(text, TracedText) == any(flags(text))


def pairs(text: str) -> list[tuple[str, int]]:
    return list(zip(str.__str__(text), flags(text), strict=True))


CALLS = {
    "strip": [(), (",",), (" x",)],
    "lstrip": [(), ("\n",)],
    "rstrip": [(), (" ,",)],
    "removeprefix": [("x",), (" ",), ("漢",)],
    "removesuffix": [("x",), ("\n",), ("字",)],
    "split": [(), (",",), (None, 1), (",", 1), ("漢字",)],
    "rsplit": [(), (",", 1), (None, 1)],
    "partition": [(",",), ("x",)],
    "rpartition": [(",",), ("\n",)],
    "splitlines": [(), (True,)],
    "replace": [(",", "x"), (" ", ""), ("漢", "xy"), (",", "y", 1)],
}


@pytest.mark.parametrize("name", CALLS)
@given(parts=PARTS)
def test_methods_give_what_str_gives_and_follow_each_letter(name: str, parts: list[str]) -> None:
    text = joined(parts)
    for args in CALLS[name]:
        result = getattr(traced_text, name)(text, *args)
        assert result == getattr(str.__str__(text), name)(*args)
        for part in [result] if isinstance(result, str) else result:
            if not (name == "replace" and args[0] == "漢"):
                check(part)


@given(parts=PARTS, between=st.text(LATIN + BLANKS, max_size=2))
def test_joining_puts_flags_one_after_another(parts: list[str], between: str) -> None:
    text = traced_text.join(between, parts)
    assert text == between.join(map(str.__str__, parts))
    expected = [flag for part in parts for flag in [*flags(between), *flags(part)]]
    assert flags(text) == expected[len(between) :]
    check(text)


@given(
    parts=PARTS,
    begin=st.integers(-9, 9) | st.none(),
    end=st.integers(-9, 9) | st.none(),
    step=st.sampled_from([None, 1, 2, -1, -3]),
)
def test_slices_and_letters_are_those_of_lists(
    parts: list[str], begin: int | None, end: int | None, step: int | None
) -> None:
    text = joined(parts)
    assert pairs(text[begin:end:step]) == pairs(text)[begin:end:step]
    assert [pairs(letter)[0] for letter in text] == pairs(text)
    for place in range(-len(text), len(text)):
        assert pairs(text[place])[0] == pairs(text)[place]


def test_a_target_keeps_what_it_knows() -> None:
    text = as_target(joined(["x", said("漢")]))
    assert runs_of(text) == ((1, TARGET), (1, MESSAGE | TARGET))
    assert runs_of(joined(["y", text, said("字")])) == (
        *((1, 0), (1, TARGET)),
        *((1, MESSAGE | TARGET), (1, MESSAGE)),
    )


def test_what_holds_a_message_anywhere_is_told() -> None:
    assert holds_message({"a": [{"b": said("漢")}]})
    assert holds_message({said("漢"): 1})
    assert not holds_message({"a": ["x", as_target("y"), 3, None]})
    assert type(cut(joined(["x", said("漢")]), 0, 1)) is str
