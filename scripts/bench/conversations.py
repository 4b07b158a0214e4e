"""What conversations cost: how many a second of CPU, beside transformers and TRL in the same run.

    .consumers/bin/python scripts/bench/conversations.py    (`make test-consumers` makes .consumers)

Conversations of random words in the style of ChatML are rendered and tokenized with their targets
in this process, on one thread: by ours with each engine, and by transformers' apply_chat_template
with return_assistant_tokens_mask. Then the tokens and masks are packed into rows: by ours, which
plans and gathers them with numpy, and by TRL's pack_dataset. All take turns. The first ids and
masks of ours and of transformers are compared.
"""

import os
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import chats
import datasets
import numpy as np
from commands import parser_of
from figures import about, print_head, spread
from processes import in_turns
from transformers import PreTrainedTokenizerFast
from trl import pack_dataset

from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.rows import arrange
from bfpack_spark.tokenizing.outcomes import Targeted
from bfpack_spark.tokenizing.tokenize_conversations import tokenize_conversations

STYLE = "chatml"
Rows = list[tuple[Any, Any]]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--seq-len", type=int, default=4096)
    parser.add_argument("--turns", type=int, default=3, help="times that all take turns")
    given = parser.parse_args()
    rows = conversations(given.conversations)
    made = tokenize_conversations(rows, chats.spec_of(STYLE, "fastokens"))
    kept = [one for one in made if isinstance(one, Targeted) and len(one.ids) <= given.seq_len]
    check(rows, made)
    print(f"{about()}\n")
    mean = np.mean([len(one.ids) for one in kept])
    print(f"{len(kept)} conversations of {mean:,.0f} tokens on average, rows of {given.seq_len}.")
    print_head("what | conversations a second of CPU | least, most | CPU x ours", "lrrr")
    table(
        {
            "ours, fastokens": lambda: tokenize_conversations(
                rows, chats.spec_of(STYLE, "fastokens")
            ),
            "ours, tokenizers": lambda: tokenize_conversations(
                rows, chats.spec_of(STYLE, "tokenizers")
            ),
            "transformers": lambda: by_transformers(rows),
        },
        len(rows),
        given.turns,
    )
    datasets.disable_progress_bars()
    held = datasets.Dataset.from_dict(
        {
            "input_ids": [one.ids.tolist() for one in kept],
            "assistant_masks": [one.loss_mask.tolist() for one in kept],
        }
    )
    table(
        {
            "ours, packing": lambda: packed(kept, given.seq_len),
            "TRL, pack_dataset": lambda: pack_dataset(held, given.seq_len, strategy="bfd"),
        },
        len(kept),
        given.turns,
    )


def conversations(num: int) -> Rows:
    """Conversations of random words, whose lengths spread as those of people do."""
    draw = random.Random(1)
    words = sorted({word for text in chats.TEXTS for word in text.split() if word.isalpha()})

    def text(mean: float) -> str:
        return " ".join(draw.choices(words, k=1 + int(draw.lognormvariate(0, 0.8) * mean)))

    rows: Rows = []
    for _ in range(num):
        messages = [{"role": "system", "content": text(20)}]
        for _ in range(draw.randint(1, 6)):
            messages.append({"role": "user", "content": text(20)})
            messages.append({"role": "assistant", "content": text(90)})
        rows.append((messages, None))
    return rows


def by_transformers(rows: Rows) -> list[Any]:
    held = PreTrainedTokenizerFast(
        tokenizer_object=chats.tokenizer(STYLE), **chats.companion(STYLE)
    )
    return [
        held.apply_chat_template(one, return_dict=True, return_assistant_tokens_mask=True)
        for one, _ in rows
    ]


def check(rows: Rows, made: list[Any]) -> None:
    """Exit with an error unless both make the same ids and masks."""
    for one, told in zip(made[:100], by_transformers(rows[:100]), strict=True):
        same = one.ids.tolist() == told["input_ids"]
        if not same or one.loss_mask.tolist() != told["assistant_masks"]:
            sys.exit("transformers makes other ids or masks")


def packed(kept: list[Targeted], seq_len: int) -> tuple[np.ndarray, np.ndarray]:
    """Plan the rows, and gather ids and masks into them."""
    lengths = np.array([len(one.ids) for one in kept], dtype=np.int64)
    row, num_rows = pack(lengths, seq_len)
    placed = arrange(row, lengths, np.arange(len(row)))
    begins = row[placed.order] * seq_len + placed.offset
    ids = np.zeros(num_rows * seq_len, dtype=np.int32)
    masks = np.zeros(len(ids), dtype=np.int8)
    for number, at in zip(placed.order.tolist(), begins.tolist(), strict=True):
        one = kept[number]
        ids[at : at + len(one.ids)] = one.ids
        masks[at : at + len(one.ids)] = one.loss_mask
    return ids, masks


def table(acts: dict[str, Callable[[], Any]], num: int, turns: int) -> None:
    """Print a row for each, in turns; the first one is what the others are held against."""
    spent = in_turns(acts, turns)
    first = next(iter(spent.values()))
    for name, each in spent.items():
        ratio = statistics.median(a / b for a, b in zip(each, first, strict=True))
        speeds = [num / seconds for seconds in each]
        middle = num / statistics.median(each)
        print(f"| {name} | {middle:,.0f} | {spread(speeds, ',.0f')} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
