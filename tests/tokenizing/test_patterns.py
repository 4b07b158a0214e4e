"""What is claimed of an expression where a letter meets a blank."""

import pytest

from bfpack_spark.tokenizing.patterns import NotUnderstoodError, literal, read_pattern

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
KIMI = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lo}&&[^\p{Han}]]*[\p{Ll}\p{M}&&[^\p{Han}]]+"
    r"|\p{N}{1,3}|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@pytest.mark.parametrize("expression", [GPT2, LLAMA3, O200K, KIMI, DEEPSEEK])
def test_no_match_of_a_known_expression_goes_from_a_letter_to_a_blank(expression: str) -> None:
    found = read_pattern(expression)
    assert not found.crossing
    assert found.alone >= {"space", "newline"}


@pytest.mark.parametrize(
    ("expression", "alone"),
    [
        (r"\p{N}{1,3}", {"digit"}),
        (r"\d", {"digit"}),
        (r"\p{N}{2,3}", set()),
        (r"[\r\n]", {"newline"}),
        (r"\s?\p{L}+", {"upper", "lower", "han"}),
        (r"[一-龥ࠀ-一가-퟿]+", {"han"}),
        (r"[a-y]+", set()),
        (r"\w+|[^\w\s]+", {"upper", "lower", "digit", "han"}),
        (r"\s+(?!\S)", set()),
        (r"(?:a|[A-Za-z])+", {"upper", "lower"}),
    ],
)
def test_what_is_a_match_by_itself(expression: str, alone: set[str]) -> None:
    found = read_pattern(expression)
    assert (found.alone, found.crossing) == (alone, False)


@pytest.mark.parametrize(
    "expression",
    [
        r"\w+\s?",
        r"\w+\n",
        r".+|a b",
        r"(?:a|\s)+",
        r"[^x]+",
        r"\p{L}+[.!]?\s*",
        r"[\w ]{2}",
        r"\p{Unheard}+",
        r"(?i:K) ",
    ],
)
def test_what_goes_from_a_letter_to_a_blank_is_seen(expression: str) -> None:
    if "." in expression and "[.!]" not in expression:
        with pytest.raises(NotUnderstoodError):
            read_pattern(expression)
    else:
        assert read_pattern(expression).crossing


@pytest.mark.parametrize(
    "expression",
    [
        *(r"\bx", r"^a", r"a$", r"(?=a)b", r"(?<=a)b", r"(?<!a)b", r"(a)\1", r"(?>a)", r"\Aa"),
        *("(?s)a", r"a(?!\S)", r"(?!\S)a", r"\s*(?!\S)", r"(?:\s(?!\S))+", r"\w*", "", "(a", "[a"),
        *("a)", "\\", r"a{1}+", r"[[:alpha:]]+", r"(?:a|\s){1}+", r"\s+(?!\S\S)", "a|", "(" * 5000),
    ],
)
def test_of_what_is_not_understood_nothing_is_claimed(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        read_pattern(expression)


def test_a_text_that_is_sought_as_it_is() -> None:
    assert literal("a b").crossing
    assert not literal(" b").crossing
    assert literal(" ").alone == {"space"}
