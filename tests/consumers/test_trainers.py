"""Trainers, each by its own code, train on the documents and on nothing else."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from consumers.conftest import loss_of_documents, opened, tiny_model, tiny_tokenizer
from consumers.small import documents_of
from transformers import Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from bfpack_spark.reading import layouts

EXACT = 1e-5
ROWS, STEPS = 4, 3


def flat(rows: list[Any]) -> Any:
    """A collator: rows of data[i] as one row, padding-free."""
    batch = layouts.flattened(layouts.stacked(rows))
    return {
        name: torch.from_numpy(held) if isinstance(held, np.ndarray) else held
        for name, held in batch.items()
    }


def settings(tmp_path: Path, kind: type = TrainingArguments, **more: Any) -> Any:
    return kind(
        output_dir=str(tmp_path),
        per_device_train_batch_size=ROWS,
        max_steps=STEPS,
        learning_rate=0.0,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
        remove_unused_columns=False,
        bf16=False,
        **more,
    )


def losses_of(trainer: Trainer) -> list[float]:
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def check(trainer: Trainer, batches: list[Any]) -> None:
    """What the trainer says of each step is the loss of its documents one by one."""
    expected = [loss_of_documents(tiny_model(), documents_of(batch)) for batch in batches]
    found = losses_of(trainer)
    assert len(found) == STEPS
    assert np.abs(np.array(found) - np.array(expected)).max() < EXACT * max(expected)


def of_stream(output: Path) -> list[Any]:
    return list(opened(output).batches(ROWS))[:STEPS]


def test_trainer_takes_rows_by_number(output: Path, tmp_path: Path) -> None:
    data = opened(output)
    trainer = Trainer(
        model=tiny_model(),
        args=settings(tmp_path, train_sampling_strategy="sequential"),
        train_dataset=data,
        data_collator=flat,
    )
    check(trainer, of_stream(output))


def test_trainer_takes_the_stream(output: Path, tmp_path: Path) -> None:
    rows = opened(output).torch(None, layout="batched")
    trainer = Trainer(model=tiny_model(), args=settings(tmp_path), train_dataset=rows)
    check(trainer, of_stream(output))


def rows_for_trl(data: Any) -> datasets.Dataset:
    """Rows as TRL's collator takes them: with labels, and the lengths of the segments."""

    def rows(numbers: dict[str, list[int]]) -> dict[str, list[Any]]:
        held = [data[at] for at in numbers["at"]]
        return {
            "input_ids": [row["input_ids"].tolist() for row in held],
            "labels": layouts.labels(layouts.stacked(held)).tolist(),
            "seq_lengths": [row["seq_lengths"].tolist() for row in held],
        }

    return datasets.Dataset.from_dict({"at": range(len(data))}).with_transform(rows)


def test_trl_trains_padding_free(output: Path, tmp_path: Path) -> None:
    args = settings(
        tmp_path,
        SFTConfig,
        padding_free=True,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        train_sampling_strategy="sequential",
    )
    trainer = SFTTrainer(
        model=tiny_model(),
        args=args,
        train_dataset=rows_for_trl(opened(output)),
        processing_class=tiny_tokenizer(),
    )
    check(trainer, of_stream(output))


def test_trl_without_labels_trains_on_padding(output: Path) -> None:
    """All of it but its first token."""
    row = next(r for r in opened(output) if r["is_padding"].any())
    features = {key: row[key].tolist() for key in ("input_ids", "seq_lengths")}
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    labels = collate([features])["labels"][0]
    padding = int(row["seq_lengths"][-1])
    assert (labels[-padding:] != -100).sum() == padding - 1
