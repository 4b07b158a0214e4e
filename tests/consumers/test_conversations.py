"""TRL trains on packed conversations as on each of them alone, and sees a mask that is off by one.

The losses it is held against are those of what transformers makes of the messages, one by one.
"""

import re
from pathlib import Path
from typing import Any

import chats
import datasets
import numpy as np
import pytest
import torch
from consumers.chat_rows import SEQ_LEN, STYLE, Messages, conversations, write_rows
from consumers.conftest import tiny_model
from consumers.test_trainers import losses_of, settings
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

from bfpack_spark.reading import PackedSequences, layouts

EXACT, FAR = 1e-5, 1e-3
ROWS, STEPS = 4, 3


@pytest.fixture(scope="module")
def held() -> dict[str, Messages]:
    return conversations()


@pytest.fixture(scope="module")
def rows(held: dict[str, Messages], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    output = tmp_path_factory.mktemp("chats")
    write_rows(output, held)
    data = PackedSequences(output, bucket="chats", seq_len=SEQ_LEN, seed=1)
    return [data[at] for at in range(ROWS * STEPS)]


def model() -> LlamaForCausalLM:
    vocabulary = chats.tokenizer(STYLE).get_vocab_size()
    return tiny_model(vocabulary=vocabulary, length=SEQ_LEN * 16)


def tokenizer() -> PreTrainedTokenizerFast:
    made = PreTrainedTokenizerFast(
        tokenizer_object=chats.tokenizer(STYLE), **chats.companion(STYLE)
    )
    made.pad_token = "<|endoftext|>"
    return made


def alone(messages: list[Messages]) -> float:
    """The mean loss of a target, of conversations that are run one by one."""
    made, held, total, targets = tokenizer(), model(), 0.0, 0
    for one in messages:
        told = made.apply_chat_template(one, return_dict=True, return_assistant_tokens_mask=True)
        ids = torch.tensor([told["input_ids"]])
        labels = torch.where(torch.tensor([told["assistant_masks"]]) > 0, ids, -100)
        count = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            total += float(held(input_ids=ids, labels=labels).loss) * count
        targets += count
    assert targets > 50
    return total / targets


def names_of(rows: list[Any]) -> list[list[str]]:
    """The conversations of each step."""
    steps = [rows[begin : begin + ROWS] for begin in range(0, len(rows), ROWS)]
    return [[name for row in step for name in names_in(row)] for step in steps]


def names_in(row: Any) -> list[str]:
    """Of a row's segments, by their ids; the padding has none."""
    return [NAMES[ids.tobytes()] for ids in segments(row) if ids.tobytes() in NAMES]


NAMES: dict[bytes, str] = {}


def segments(row: Any) -> list[np.ndarray]:
    return np.split(row["input_ids"].reshape(-1), np.cumsum(row["seq_lengths"])[:-1])


@pytest.fixture(scope="module")
def expected(rows: list[Any], held: dict[str, Messages]) -> list[float]:
    made = tokenizer()
    for name, one in held.items():
        ids = made.apply_chat_template(one, return_dict=True)["input_ids"]
        NAMES[np.array(ids, dtype=np.int32).tobytes()] = name
    steps = names_of(rows)
    assert sum(map(len, steps)) > ROWS * STEPS
    return [alone([held[name] for name in names]) for names in steps]


def padding_free(rows: list[Any], shift: int) -> dict[str, Any]:
    """What SFTTrainer is given where it makes position ids of the lengths of the segments."""
    made = [
        {
            "input_ids": row["input_ids"].reshape(-1).tolist(),
            "labels": labels_of(row, shift).reshape(-1).tolist(),
            "seq_lengths": row["seq_lengths"].tolist(),
        }
        for row in rows
    ]
    return {"train_dataset": datasets.Dataset.from_list(made), "processing_class": tokenizer()}


def attention_masks(rows: list[Any], shift: int) -> dict[str, Any]:
    """What it is given with a mask of each row: a token sees its own conversation alone."""

    def collate(given: list[Any]) -> dict[str, torch.Tensor]:
        numbers = [one["at"] for one in given]
        batch = layouts.stacked([rows[at] for at in numbers])
        documents = torch.from_numpy(layouts.document_ids(batch))
        same = documents[:, :, None] == documents[:, None, :]
        labels = np.concatenate([labels_of(rows[at], shift) for at in numbers])
        return {
            "input_ids": torch.from_numpy(batch["input_ids"].astype(np.int64)),
            "labels": torch.from_numpy(labels),
            "position_ids": torch.from_numpy(layouts.position_ids(batch)),
            "attention_mask": (same & same.new_ones(same.shape[1:]).tril())[:, None],
        }

    numbers = datasets.Dataset.from_dict({"at": range(len(rows)), "input_ids": [[0]] * len(rows)})
    return {"train_dataset": numbers, "data_collator": collate, "processing_class": tokenizer()}


def labels_of(row: Any, shift: int) -> np.ndarray:
    batch = layouts.stacked([row])
    mask = np.roll(batch["loss_mask"], shift, axis=1)
    return layouts.labels({**batch, "loss_mask": mask})


def losses(given: dict[str, Any], tmp_path: Path, **more: Any) -> np.ndarray:
    args = settings(
        tmp_path,
        SFTConfig,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        train_sampling_strategy="sequential",
        **more,
    )
    return np.array(losses_of(SFTTrainer(model=model(), args=args, **given)))


WAYS = {"padding-free": (padding_free, True), "attention masks": (attention_masks, False)}


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_of_packed_conversations_is_that_of_each_alone(
    way: str, rows: list[Any], expected: list[float], tmp_path: Path
) -> None:
    give, free = WAYS[way]
    found = losses(give(rows, 0), tmp_path, padding_free=free)
    assert len(found) == STEPS
    assert np.abs(found - np.array(expected)).max() < EXACT * max(expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shift", [-1, 1])
def test_a_mask_that_is_off_by_one_changes_the_loss(
    way: str, shift: int, rows: list[Any], expected: list[float], tmp_path: Path
) -> None:
    give, free = WAYS[way]
    found = losses(give(rows, shift), tmp_path, padding_free=free)
    assert (np.abs(found - np.array(expected)) > FAR * np.array(expected)).all()


README = Path(__file__).resolve().parents[2] / "bfpack_spark/tokenizing/README.md"


def test_the_block_of_the_readme_trains(
    held: dict[str, Messages], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "out", held)
    model().save_pretrained("model")
    tokenizer().save_pretrained("model")
    (source,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    source = source.replace("4096", str(SEQ_LEN)).replace(
        "report_to=[]", "report_to=[], max_steps=2"
    )
    names: dict[str, Any] = {}
    exec(compile(source, "README", "exec"), names)
    assert names["trainer"].state.global_step == 2
