"""Texts that are hard for a tokenizer, for hypothesis."""

from hypothesis import strategies as st

# Marks that combine, compose or reorder, characters whose forms differ, and blanks.
MARKS = "\u0300\u0301\u0316\u0327\u0345\u05b0\u05bc\u0e49\u1161\u11a8\u3099\u200d\ufe0f"
FORMS = (
    "\u017f\u0130\u00df\u03a3\u03c2\ufb01\u212b\u1e9b\uac00\u1100\u2126\u00bd\u3392\uff21\U0001d49c"
)
BLANKS = " \t\n\r\u00a0\u2003\u3000\u200b\ufeff\u2581\x00\x7f"
# Every scalar value of Unicode once, in texts of 5,000.
_SCALARS = [*range(0xD800), *range(0xE000, 0x110000)]
EVERY_SCALAR = ["".join(map(chr, _SCALARS[n : n + 5000])) for n in range(0, len(_SCALARS), 5000)]


def hard_texts(*words: str) -> st.SearchStrategy[str]:
    """Any Unicode, and texts put together from what is hard and from these words."""
    any_char = st.characters(exclude_categories=("Cs",))
    part = st.sampled_from([*MARKS, *FORMS, *BLANKS, *"aeqAK<>/12,.", *words]) | any_char
    return st.text(any_char, max_size=40) | st.lists(part, max_size=40).map("".join)
