"""Chat templates of ten styles, tokenizers that have their control words, and conversations."""

import functools
import json
import random
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from bfpack_spark.tokenizing.engines import EngineName
from bfpack_spark.tokenizing.stand_ins import make_stand_ins
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.tokenize_conversations import ConversationSpec
from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary

FOLDER = Path(__file__).parent / "data" / "chat_templates"
TEXTS = [
    "Some words to learn, and some words to forget. Don't forget 123 or 4567 words!",
    "été 漢字 かな 👍🏽 x = f(y)\n\n\n    return {'a': [1, 2.5]}\n",
    "user assistant system model tool USER ASSISTANT:\n\n\n  <think>\nwords\n</think>\n\n words",
]
# Of each style: its special tokens with BOS, EOS and the kind of tokenizer, and added tokens that
# are not special.
STYLES: dict[str, tuple[str, str | None, str, list[str], list[str]]] = {
    "chatml": ("gpt2", None, "<|im_end|>", ["<|endoftext|>", "<|im_start|>"], []),
    "headers": (
        *("digits", "<|begin_of_text|>", "<|eot_id|>"),
        ["<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>"],
        [],
    ),
    "instructions": ("pieces", "<s>", "</s>", ["<unk>", "[INST]", "[/INST]"], []),
    "role_words": (
        *("pieces", "<s>", "<|end|>"),
        ["<unk>", "<|user|>", "<|assistant|>", "<|system|>"],
        [],
    ),
    "turns": (
        *("spaces", "<bos>", "<eos>"),
        ["<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>"],
        ["\n\n", "\n\n\n"],
    ),
    "tools": (
        *("digits", None, "<|im_end|>"),
        ["<|endoftext|>", "<|im_start|>"],
        ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"],
    ),
    "thinking": (
        *("gpt2", None, "<|im_end|>"),
        ["<|endoftext|>", "<|im_start|>"],
        ["<think>", "</think>"],
    ),
    "wide_bars": (
        *("digits", "<\uff5cbegin▁of▁sentence\uff5c>", "<\uff5cend▁of▁sentence\uff5c>"),
        ["<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>"],
        ["<think>", "</think>"],
    ),
    "channels": (
        *("gpt2", None, "<|return|>"),
        ["<|start|>", "<|end|>", "<|channel|>", "<|message|>"],
        [],
    ),
    "plain_words": ("pieces", "<s>", "</s>", ["<unk>"], []),
}


@functools.cache
def tokenizer(style: str) -> Tokenizer:
    """The tokenizer of a style; two trainings may give different ids."""
    kind, bos, eos, special, added = STYLES[style]
    words = [*special, *(word for word in (bos, eos) if word)]
    made = _KINDS[kind](words)
    made.add_tokens([AddedToken(word, normalized=False, special=False) for word in added])
    return made


def _byte_level(words: list[str], split: Any) -> Tokenizer:
    made = Tokenizer(models.BPE())
    bytes_alone = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    made.pre_tokenizer = (
        bytes_alone if split is None else pre_tokenizers.Sequence([split, bytes_alone])
    )
    made.decoder = decoders.ByteLevel()
    return _trained(made, words, pre_tokenizers.ByteLevel.alphabet())


def _digits(words: list[str]) -> Tokenizer:
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    return _byte_level(words, pre_tokenizers.Split(Regex(pattern), "isolated"))


def _pieces(words: list[str]) -> Tokenizer:
    """Pieces of SentencePiece: a blank before the text, and bytes for what is no piece."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return _trained(made, [*words, *(f"<0x{byte:02X}>" for byte in range(256))], [])


def _spaces(words: list[str]) -> Tokenizer:
    """Pieces without a blank before the text."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return _trained(made, [*words, *(f"<0x{byte:02X}>" for byte in range(256))], [])


def _trained(made: Tokenizer, words: list[str], alphabet: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=len(words) + 420,
        special_tokens=words,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    if not alphabet:  # bytes are pieces, and no control words
        tree = json.loads(made.to_str())
        tree["added_tokens"] = [t for t in tree["added_tokens"] if t["content"][:3] != "<0x"]
        made = Tokenizer.from_str(json.dumps(tree))
    return made


_KINDS = {
    "gpt2": lambda words: _byte_level(words, None),
    "digits": _digits,
    "pieces": _pieces,
    "spaces": _spaces,
}


def companion(style: str) -> dict[str, Any]:
    """The tokenizer_config.json of a style."""
    _, bos, eos, _, _ = STYLES[style]
    return {"eos_token": eos, **({"bos_token": bos} if bos else {}), "chat_template": source(style)}


def source(style: str) -> str:
    return (FOLDER / f"{style}.jinja").read_text(encoding="utf-8")


def vocabulary_of(style: str, **more: Any) -> Vocabulary:
    options = {"eos_token": None, "bos_token": None, "control_tokens": "text", **more}
    raw = tokenizer(style).to_str().encode()
    return load_vocabulary(raw, companion(style), **options)


def spec_of(style: str, engine: EngineName = "tokenizers", **more: Any) -> ConversationSpec:
    special = tuple((k, v) for k, v in companion(style).items() if k.endswith("_token"))
    return ConversationSpec(
        template=ChatTemplate(name=style, source=source(style), special=special),
        stand_ins=make_stand_ins(vocabulary_of(style, **more)),
        engine=engine,
    )


# Conversations

PIECES = [
    *("words", "some", "Words ", " forget", "don't", "123", "45", "6789", "\n", "\n\n", "  ", " "),
    *("\t", "été", "漢字", "👍🏽", "<", "|", ">", "<|", "|>", "</think>", "<think>", ":", "user"),
    *("\r\n", "assistant\n", "x = f(y)", "{", "}", '"', "▁", "e\u0301", "\u00a0", "[", "INST"),
]


def some_text(draw: random.Random, most: int = 12) -> str:
    return "".join(draw.choices(PIECES, k=draw.randint(0, most)))


def some_tools(draw: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": some_text(draw),
                "parameters": {
                    "type": "object",
                    "properties": {"x": {"type": "string", "description": some_text(draw)}},
                    "required": ["x"],
                },
            },
        }
        for number in range(draw.randint(1, 3))
    ]


def some_conversation(draw: random.Random, style: str) -> tuple[list[dict[str, Any]], Any]:
    """Return messages and tools. Half of the texts begin and end in letters, as those of people
    do."""

    def text() -> str:
        made = some_text(draw)
        return made if draw.random() < 0.5 else f"Some {made} words"

    tools = some_tools(draw) if style == "tools" and draw.random() < 0.6 else None
    messages: list[dict[str, Any]] = []
    if draw.random() < 0.5:
        messages.append({"role": "system", "content": text()})
    for _ in range(draw.randint(1, 4)):
        messages.append({"role": "user", "content": text()})
        messages.append({"role": "assistant", "content": text()})
        if tools and draw.random() < 0.6:
            arguments: Any = {"x": text(), "n": draw.choice([1, 2.5, None, True])}
            arguments = json.dumps(arguments) if draw.random() < 0.3 else arguments
            call = {"type": "function", "function": {"name": "tool_0", "arguments": arguments}}
            messages[-1]["tool_calls"] = [call] * draw.randint(1, 2)
            messages += [{"role": "tool", "content": text()} for _ in range(draw.randint(1, 2))]
        if draw.random() < 0.3:
            name = draw.choice(["reasoning_content", "thinking", "reasoning"])
            messages[-1 if messages[-1]["role"] == "assistant" else -2][name] = text()
    if draw.random() < 0.2:
        messages.append({"role": "user", "content": text()})
    return messages, tools
