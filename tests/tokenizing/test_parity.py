"""The fast engine is taken where it agrees with the reference, and it is said why."""

import json
import os
import re
import threading
from typing import Any

import numpy as np
import pytest
from conftest import Corpus
from tokenizers import Tokenizer
from tokenizing.altered import losing, noting
from trained import bert, byte_level, sentencepiece, unigram, vocabulary, word_piece

from bfpack_spark.errors import JobError
from bfpack_spark.tokenizing.engines import load_engine
from bfpack_spark.tokenizing.hard_texts import adversarial_texts
from bfpack_spark.tokenizing.parity import choose_engine, compare, engines_load, first_difference

Tree = dict[str, Any]


def test_both_engines_agree_on_hard_texts_and_tokens_decode_to_the_text(
    demo_corpus: Corpus,
) -> None:
    held = (demo_corpus.tokenizer / "tokenizer.json").read_bytes()
    own = vocabulary(held)
    texts = adversarial_texts(own)
    assert len(texts) > 80
    assert max(map(len, texts)) >= 200_000
    assert any("<|endoftext|>" in text for text in texts)
    assert compare(texts, own, "fastokens") is None
    ids, lengths = load_engine("fastokens", own).encode(texts)
    tokenizer = Tokenizer.from_str(held.decode())
    parts = np.split(ids, np.cumsum(lengths)[:-1])
    assert [tokenizer.decode(p.tolist(), skip_special_tokens=False) for p in parts] == texts
    choice = choose_engine("auto", own, ["words"])
    assert (choice.engine, choice.why) == (
        "fastokens",
        f"it agrees with tokenizers on {len(texts) + 1} texts",
    )


def word_level() -> Tree:
    model = {
        "type": "WordLevel",
        "vocab": {"</s>": 0, "words": 1, "[UNK]": 2},
        "unk_token": "[UNK]",
    }
    return {"version": "1.0", "added_tokens": [], "model": model}


@pytest.mark.parametrize("make", [word_piece, unigram, word_level])
def test_auto_takes_the_reference_where_the_fast_engine_refuses(make: Any) -> None:
    own = vocabulary(make(), eos_token="</s>")
    if make is word_level:
        choice = choose_engine("auto", own, ["words"])
        assert choice.engine == "tokenizers"
        assert choice.why.startswith("fastokens cannot load it: ")
    with pytest.raises(JobError, match=r"--engine fastokens: fastokens cannot load it: .*; use"):
        choose_engine("fastokens", own, ["words"])
    assert choose_engine("tokenizers", own, ["words"]).why == "as --engine says"


def test_auto_takes_the_reference_where_the_engines_differ_on_the_corpus() -> None:
    own = vocabulary(byte_level())
    sample = ["some words", "zebra"]
    assert choose_engine("auto", own, sample).engine == "fastokens"
    load = losing(lambda text: text == "zebra")
    choice = choose_engine("auto", own, sample, load)
    assert choice.engine == "tokenizers"
    assert re.match(
        r"fastokens differs from tokenizers on 'zebra' \(token \d: id nothing against", choice.why
    )
    with pytest.raises(JobError, match=r"differs from tokenizers on 'zebra'.*use --engine auto or"):
        choose_engine("fastokens", own, sample, load)
    assert choose_engine("fastokens", own, sample[:1], load).engine == "fastokens"


# The latter ones are known faults of engines.
@pytest.mark.parametrize(
    "hard",
    [
        *("👩", "\r\n", "b <|pad|>", "a" * 40_000),
        *("'\u017f", "\u0345\u0301", "1234567890" * 4, "\u0eae"),
    ],
    ids=lambda hard: ascii(hard[:20]),
)
def test_auto_takes_the_reference_where_the_engines_differ_on_hard_texts(hard: str) -> None:
    own = vocabulary(byte_level())
    assert choose_engine("auto", own, [], losing(lambda text: hard in text)).engine == "tokenizers"


def test_compare_names_the_first_text_that_differs() -> None:
    own = vocabulary(byte_level())
    texts = ["", "one", "", "two", "three"]
    assert compare(texts, own, "fastokens") is None
    found = compare(texts, own, "fastokens", losing(lambda text: text.startswith("t")))
    assert found is not None
    assert found[0] == 3


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ([1, 2, 3], [1, 5, 3], "token 1: id 2 against 5 by the reference"),
        ([1], [1, 5], "token 1: id nothing against 5 by the reference"),
        ([1, 2], [], "token 0: id 1 against nothing by the reference"),
    ],
)
def test_a_difference_is_told_by_its_first_place(
    ours: list[int], theirs: list[int], says: str
) -> None:
    assert first_difference(np.array(ours), np.array(theirs)) == says


@pytest.mark.parametrize(
    ("wanted", "loaded"),
    [("auto", ["tokenizers", "fastokens"]), ("tokenizers", ["tokenizers"])],
)
def test_engines_that_are_compared_first_are_loaded_meanwhile(
    wanted: Any, loaded: list[str]
) -> None:
    """Whatever one of them says: that is told where it is compared."""
    names: list[str] = []

    def load(name: str, _: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        names.append(name)
        raise JobError("no such engine")

    with engines_load(wanted, vocabulary(byte_level()), load):
        pass
    assert names == loaded


def test_an_error_meanwhile_is_told_when_engines_are_loaded(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then, stderr is silenced."""
    begun, waited_for = threading.Event(), threading.Event()
    join = threading.Thread.join

    def joined(thread: threading.Thread) -> None:
        waited_for.set()
        join(thread)

    def load(*_: Any) -> Any:
        os.write(2, b"a panic in fifty lines")
        begun.set()
        waited_for.wait()

    monkeypatch.setattr(threading.Thread, "join", joined)
    with pytest.raises(TimeoutError), engines_load("auto", vocabulary(byte_level()), load):
        raise TimeoutError(begun.wait())
    os.write(2, b"one line")
    assert capfd.readouterr().err == "one line"


def test_sentencepiece_is_tokenized_by_the_engine_that_is_faster_for_it() -> None:
    own = vocabulary(sentencepiece())
    choice = choose_engine("auto", own, ["words"])
    assert (choice.engine, choice.cost) == ("gigatoken", None)
    assert choice.why == f"it agrees with tokenizers on {len(adversarial_texts(own)) + 1} texts"
    assert choose_engine("gigatoken", own, ["words"]).engine == "gigatoken"


def test_auto_goes_on_to_the_next_engine_and_says_why() -> None:
    own = vocabulary(sentencepiece())
    load = losing(lambda text: text == "zebra", "gigatoken")
    choice = choose_engine("auto", own, ["some", "zebra"], load)
    assert choice.engine == "tokenizers"  # fastokens takes this <unk> in a text for the token
    assert re.match(r"gigatoken differs .* on 'zebra' .*; fastokens differs .* on", choice.why)
    with pytest.raises(JobError, match=r"--engine gigatoken: gigatoken differs .*use --engine"):
        choose_engine("gigatoken", own, ["some", "zebra"], load)


def test_hard_texts_are_compared_once_and_the_sample_of_each_bucket() -> None:
    own, given = vocabulary(byte_level()), list[str]()
    load = noting(given)
    first = choose_engine("auto", own, ["some", "words"], load)
    assert len(given) > len(adversarial_texts(own))
    given.clear()
    assert choose_engine("auto", own, ["other", "words"], load) == first
    assert given == ["other", "words"]
    load = losing(lambda text: text == "other")
    for sample, engine in ((["words"], "fastokens"), (["other"], "tokenizers")):
        assert choose_engine("auto", own, sample, load).engine == engine


def test_runs_of_digits_lie_over_the_seams_of_a_long_text() -> None:
    seam = 1 << 15
    texts = adversarial_texts(vocabulary(byte_level()))
    (text,) = [text for text in texts if re.fullmatch(r"[^\d]{32000,}\d{3}[^\d].*", text)]
    runs = [match.span() for match in re.finditer(r"\d+", text)]
    assert [end - begin for begin, end in runs] == [3, 4, 5, 7, 40]
    assert all(begin < seam * n < end for n, (begin, end) in enumerate(runs, 1))


def test_added_tokens_that_are_no_control_tokens_are_compared() -> None:
    tree = sentencepiece()
    plain = {**tree["added_tokens"][0], "special": False, "content": "<mask>"}
    tree["added_tokens"].append({**plain, "id": len(tree["model"]["vocab"])})
    load = losing(lambda text: "<mask>" in text, "gigatoken")
    assert choose_engine("gigatoken", vocabulary(tree), []).engine == "gigatoken"
    with pytest.raises(JobError, match="gigatoken differs"):
        choose_engine("gigatoken", vocabulary(tree), [], load)


def test_added_tokens_that_take_spaces_are_compared_beside_each_other() -> None:
    """fastokens looks for one that is normalized before, and the reference after the others."""
    tree = json.loads(byte_level().to_str())
    plain = dict.fromkeys(("special", "normalized", "single_word", "lstrip", "rstrip"), False)
    number = 1 + max(tree["model"]["vocab"].values())
    word = {**plain, "id": number, "content": "zq", "lstrip": True, "single_word": True}
    blanks = {**plain, "id": number + 1, "content": "    ", "normalized": True}
    tree["added_tokens"] += [word, blanks]
    choice = choose_engine("auto", vocabulary(tree), ["words"])
    assert choice.engine == "tokenizers"
    assert "fastokens differs from tokenizers on" in choice.why


def test_the_choice_says_what_it_costs() -> None:
    sample = ["some words to learn, and some to forget"] * 5_000
    fast = choose_engine("auto", vocabulary(byte_level()), sample)
    assert re.fullmatch(
        r"on the sample fastokens takes \d+ ns of CPU a token, tokenizers \d+", fast.cost or ""
    )
    slow = choose_engine("auto", vocabulary(word_piece()), sample)
    assert re.fullmatch(
        r"on the sample it takes \d+ ns of CPU a token, where a fast engine takes 30 to 200",
        slow.cost or "",
    )


@pytest.mark.parametrize("make", [bert, unigram])
def test_words_are_kept_where_it_is_proved_that_texts_fall_into_them(make: Any) -> None:
    own = vocabulary(make())
    choice = choose_engine("auto", own, ["some words"])
    assert choice.engine == "words"
    assert choice.why == f"it agrees with tokenizers on {len(adversarial_texts(own)) + 1} texts"
    load = losing(lambda text: text == "zebra", "words")
    assert choose_engine("auto", own, ["zebra"], load).engine == "tokenizers"
    with pytest.raises(JobError, match=r"--engine words: words differs from tokenizers on 'zebra'"):
        choose_engine("words", own, ["zebra"], load)


def test_words_are_not_kept_where_nothing_is_proved() -> None:
    choice = choose_engine("auto", vocabulary(word_piece()), ["some words"])
    assert choice.engine == "tokenizers"
    assert choice.why == "words are not cut for a model of the type WordPiece behind Whitespace"
