"""Texts on which an engine must agree with the reference before it tokenizes a corpus."""

from bfpack_spark.tokenizing.tokenizer_json import TokenizerFile, parse_tokenizer
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_SEAM = 1 << 15  # bytes after which fastokens may cut a long text
_PAIRED = 40  # added tokens of which each is put beside each
_EVERY = 16  # of the characters that are no tokens, one in so many


def adversarial_texts(vocabulary: Vocabulary) -> list[str]:
    """Return texts on which tokenizers have been seen to differ: scripts, spaces, control tokens,
    characters that are no tokens, marks out of order, long runs."""
    starts = range(0, 0x3000, 0x100)
    alphabets = ["".join(map(chr, range(start, start + 0x100))) for start in starts]
    control = vocabulary.special_tokens
    texts = [
        *alphabets,
        *control,
        *(f"a{token}b {token} \n{token}" for token in control),
        "".join(control * 3),
        *(
            space * n + "x" + space * n
            for space in " \t\n\r\u00a0\u2003\u3000"
            for n in (1, 2, 3, 17)
        ),
        " \n \n\n  \r\n\t x  ",
        "don't I'll WE'VE you'd's 'S 'Re\u2019s it'\u017f IT'\u017f '\u017ft \u017f \u212a's",
        "1 12 123 1234 12345 1234567890 3.14 1e-9 ½ ٣ ௧",
        "e\u0301 \u00e9 \u1e9b\u0323 \ufb01 \u0130 \u01c5 \uac00 \u1100\u1161 \ufeff \u200b\u200d",
        "a\u0345\u0301\u0316 q\u0307\u0323 \u0323\u0307 o\u0302\u0328",
        "\u05d1\u05bc\u05b0 \u05d1\u05b0\u05bc \u0e01\u0e39\u0e49 \u0e01\u0e49\u0e39",
        "👩‍👩‍👧‍👦🏳️‍🌈🇺🇳👍🏽" * 3,
        "\U0001d49c \U00020000 \U000e0001 \U0010fffd \ue000 \uffff \x00 \x7f \x1b[0m",
        "漢字かなカナ한국어ไทย हिन्दी עברית العربية ქართული",
        "_" * 300 + "=" * 300 + "-" * 300 + "/" * 300,
    ]
    return texts + _added(vocabulary) + _outside(vocabulary) + _long_texts()


def _added(vocabulary: Vocabulary) -> list[str]:
    """Return texts that hold the added tokens that are not control tokens, a hundred in each."""
    file = parse_tokenizer(vocabulary.json)
    names = [token.content for token in file.added if not token.special]
    parts = [names[place : place + 100] for place in range(0, len(names), 100)]
    return [glue.join(part) for part in parts for glue in ("", " a ", "\n\n")] + _flagged(file)


def _flagged(file: TokenizerFile) -> list[str]:
    """Return each of the added tokens beside each other and between spaces, if some are whole words
    or take spaces with them: engines have been seen to differ in which goes first."""
    if not any(token.lstrip or token.rstrip or token.single_word for token in file.added):
        return []
    names = [token.content for token in file.added][:_PAIRED]
    spaces = ("", " ", "\t", "  ", "    ")
    alone = (f"{left}{name}{right}" for name in names for left in spaces for right in spaces)
    return [*alone, *(one + other for one in names for other in names)]


def _outside(vocabulary: Vocabulary) -> list[str]:
    """Return texts that hold characters which are in no token, alone, in a row and in words."""
    inside = set().union(*parse_tokenizer(vocabulary.json).ids)
    some = [chr(code) for code in range(0xA0, 0x30000, 0x3D) if not 0xD800 <= code < 0xE000]
    outside = [char for char in some if char not in inside][::_EVERY]
    return [glue.join(outside) for glue in ("", " ", "a", " b ", "12")] if outside else []


def _long_texts() -> list[str]:
    """Return texts of up to 300 kB, because a fault of fastokens (its issue 67, fixed since) showed
    on long texts only."""
    words = " ".join(str(number * 7919) for number in range(30_000))
    return [
        "a" * 50_000,
        " " * 50_000,
        "ab" * 50_000,
        "é漢" * 20_000,
        words,
        "x = f(y)\n\n" * 25_000,
        _at_seams(3, 4, 5, 7, 40),
    ]


def _at_seams(*lengths: int) -> str:
    """Return a text that has a run of digits over every 32 kB seam, where an engine may cut. The
    runs have these lengths, one after the other."""
    text = ""
    for number, length in enumerate(lengths, 1):
        begin = number * _SEAM - length // 2 - 1
        text += ("some words, and others " * _SEAM)[: begin - len(text)]
        text += " " + ("1234567890" * length)[:length]
    return text + " end"
