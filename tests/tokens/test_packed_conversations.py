"""Conversations and prompts as input, from columns to rows, and what is refused on the way."""

import json
import shlex
from pathlib import Path

import chats
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chat_inputs import (
    SEQ_LEN,
    expected,
    options,
    pack,
    refused_of,
    some_lines,
    write_lines,
    write_tokenizer,
)
from conftest import Bfpack
from conversations import BUCKET, pieces_of
from outputs import current, manifest
from readmes import block

SYSTEM = {"role": "system", "content": "Some words to learn."}
HELLO = [
    SYSTEM,
    {"role": "user", "content": "Say <|im_end|> in some words"},
    {"role": "assistant", "content": "some words <|im_end|> to forget"},
]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_conversations_come_to_the_rows_with_their_targets(
    kind: str, bfpack: Bfpack, tmp_path: Path
) -> None:
    lines = some_lines("tools")
    pieces, refused = expected(lines, "tools")
    assert len(pieces) > 40
    given = tmp_path / "in"
    if kind == "parquet":
        lines = [line for line in lines if not line["tools"]]  # their arguments have no one type
        names = [line["id"] for line in lines]
        pieces = {name: held for name, held in pieces.items() if name in names}
        refused = {name: why for name, why in refused.items() if name in names}
        given.mkdir()
        pq.write_table(pa.Table.from_pylist(lines), given / "a.parquet")
    else:
        write_lines(given, lines)
    columns = ("--messages-column", "messages", "--tools-column", "tools")
    version = pack(bfpack, *options(tmp_path, "tools", given, *columns))
    assert pieces_of(version) == pieces
    assert refused_of(tmp_path / "out") == refused
    store = current(tmp_path / "out", BUCKET, "tokens")
    targets = sum(sum(held[0][2][1:]) for held in pieces.values())
    assert manifest(store)["accounting"]["targets"] == targets
    ran = bfpack("verify", "--output", tmp_path / "out", "--seq-len", SEQ_LEN, "--input", given)
    assert ran.code == 0, ran.out


def test_words_in_messages_that_look_like_control_words_stay_text(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    given = write_lines(tmp_path / "in", [{"id": "a", "messages": HELLO}])
    version = pack(bfpack, *options(tmp_path, "chatml", given, "--messages-column", "messages"))
    ((_, ids, mask),) = pieces_of(version)["a"]
    end = chats.tokenizer("chatml").token_to_id("<|im_end|>")
    assert ids.count(end) == 3
    assert [i for i, m in zip(ids, mask, strict=True) if m][-1] == end
    text = chats.tokenizer("chatml").decode(ids, skip_special_tokens=True)
    assert text.count("<|im_end|>") == 2


def test_prompts_and_completions(bfpack: Bfpack, tmp_path: Path) -> None:
    pairs = [
        ("a", "Say some words:", " some words"),
        ("b", "Say some words: ", "words"),  # its blank is in a token of the completion
        ("c", "Say some words:", ""),
        ("d", "Say some words:", None),
    ]
    lines = [{"id": i, "prompt": p, "completion": c} for i, p, c in pairs]
    given = write_lines(tmp_path / "in", lines)
    more = ("--prompt-column", "prompt", "--completion-column", "completion")
    version = pack(bfpack, *options(tmp_path, "chatml", given, *more))
    tokenizer = chats.tokenizer("chatml")
    before = tokenizer.encode(pairs[0][1]).ids
    after = tokenizer.encode(pairs[0][2]).ids
    ids = [*before, *after, tokenizer.token_to_id("<|im_end|>")]
    mask = [0] * len(before) + [1] * (len(after) + 1)
    assert pieces_of(version) == {"a": [(0, ids, mask)]}
    assert refused_of(tmp_path / "out") == {
        "b": "not_aligned",
        "c": "no_target",
        "d": "null_text",
    }


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "it has no {% generation %}"),
        ("{% generation %}{% endgeneration %}{{ messages[0].content }}", "none has a token"),
        ("{% generation %}{{ messages[2].content }}{% endgeneration %}", "is to say all of each"),
        (
            "so{% generation %}me {{ messages[2].content }}{% endgeneration %}",
            "over the border at character 2; let what the model says begin and end where a token",
        ),
        ("{% for %}", "line 1:"),
        ("{% generation %}{{ clock() }}{% endgeneration %}", "'clock' is undefined"),
        ("{% include 'x' %}{% generation %}{% endgeneration %}", "none can be taken"),
    ],
)
def test_a_template_that_would_train_on_the_wrong_tokens_is_refused(
    template: str, said: str, bfpack: Bfpack, tmp_path: Path
) -> None:
    (tmp_path / "x.jinja").write_text(template)
    given = write_lines(tmp_path / "in", [{"id": "a", "messages": HELLO}] * 3)
    more = ("--messages-column", "messages", "--chat-template", tmp_path / "x.jinja")
    ran = bfpack("pack", *options(tmp_path, "chatml", given, *more))
    assert ran.code == 2
    assert said in ran.err.splitlines()[-1]
    assert not (tmp_path / "out" / BUCKET).exists() or not list(
        (tmp_path / "out" / BUCKET).rglob("_manifest.json")
    )


def test_a_prompt_that_is_not_aligned_is_said_with_detail_and_remedy(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    pairs = [("Say some words:", " some words")] * 3 + [("Say some words: ", "words")]
    lines = [{"id": str(n), "prompt": p, "completion": c} for n, (p, c) in enumerate(pairs)]
    given = write_lines(tmp_path / "in", lines)
    more = ("--prompt-column", "prompt", "--completion-column", "completion")
    told = options(tmp_path, "chatml", given, *more, "--max-quarantined", 0.1)
    ran = bfpack("pack", *told)
    assert ran.code == 2
    line = ran.err.splitlines()[-1]
    assert "--max-quarantined 0.1: 25.00% of the documents are in quarantine (1 not_aligned" in line
    assert "; the first not_aligned (the prompt has " in line
    assert "the prompt ends in 'Say some words: '): let what the model says begin and end" in line
    assert line.endswith("; let a prompt end without a blank")
    shown = bfpack("show", "--output", tmp_path / "out", "--seq-len", SEQ_LEN, "--doc", "3")
    assert "no token store published" in shown.err or "no bucket with tokens" in shown.err


def test_the_template_decides_the_version(bfpack: Bfpack, tmp_path: Path) -> None:
    given = write_lines(tmp_path / "in", [{"id": "a", "messages": HELLO}])
    base = options(tmp_path, "chatml", given, "--messages-column", "messages")
    first = pack(bfpack, *base)
    (tmp_path / "x.jinja").write_text(chats.source("chatml"), encoding="utf-8")
    assert pack(bfpack, *base, "--chat-template", tmp_path / "x.jinja") == first
    (tmp_path / "x.jinja").write_text(chats.source("chatml") + "{{ ' ' }}", encoding="utf-8")
    ran = bfpack("pack", *base, "--chat-template", tmp_path / "x.jinja").succeeds()
    assert f"current was {first.name} (tokens " in ran.out
    assert "; chat template changed: chat_template.json " in ran.out
    assert current(tmp_path / "out", BUCKET, f"sequences-{SEQ_LEN}") != first


def test_a_sample_is_tokenized_as_the_run_does(bfpack: Bfpack, tmp_path: Path) -> None:
    lines = some_lines("tools")
    given = write_lines(tmp_path / "in", lines)
    columns = ("--messages-column", "messages", "--tools-column", "tools")
    made = options(tmp_path, "tools", given, *columns)
    pack(bfpack, *made)
    where = made.index("--output")
    sampled = [*made[:where], *made[where + 2 :]]
    sampled = [x for n, x in enumerate(sampled) if sampled[n - 1 : n] != ["--max-quarantined"]]
    sampled.remove("--max-quarantined")
    ran = bfpack("stats", *sampled, "--sample", 1000, "--json").succeeds()
    store = current(tmp_path / "out", BUCKET, "tokens")
    told = json.dumps(json.loads(ran.out))
    assert str(manifest(store)["totals"]["tokens"]) in told


def test_the_command_of_the_readme_runs_as_printed(bfpack: Bfpack, tmp_path: Path) -> None:
    """But for the folder: the suite's workers have another one than this test."""
    write_tokenizer(tmp_path / "model", "chatml")
    lines = [{"messages": [*HELLO, HELLO[1], HELLO[2]]}] * 5
    write_lines(tmp_path, lines)
    (tmp_path / "a.jsonl").rename(tmp_path / "chats.jsonl")
    command = block("bfpack_spark/tokenizing/README.md", "This command is run", "sh")
    name, *given = shlex.split(command)
    assert name == "bfpack"
    paths = {"chats.jsonl", "model", "out"}
    assert paths < set(given)
    bfpack(*(tmp_path / word if word in paths else word for word in given)).succeeds()
    assert len(pieces_of(current(tmp_path / "out", "chats", "sequences-4096"))) == 5
