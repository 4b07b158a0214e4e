"""The calls of peers that peer_pipelines.py and peer_exactness.py have in common."""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def keep_caches_in(output: Path) -> None:
    os.environ["HF_HOME"] = str(output / "hf")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"


def read_with_datasets(files: Sequence[Path], output: Path) -> Any:
    return importlib.import_module("datasets").load_dataset(
        "parquet",
        data_files=[str(path) for path in files],
        split="train",
        cache_dir=str(output / "cache"),
    )


def pack_with_olmo_core(
    paths: Sequence[Path], seq_len: int, eos_id: int, strategy: str
) -> tuple[list[list[int]], np.ndarray, int]:
    """Return the fragments of each instance, the bounds of each fragment, and the tokens packed.
    Bounds count tokens over all token files, as if these were one."""
    instances, bounds, num_tokens = importlib.import_module(
        "olmo_core.data.utils"
    ).pack_documents_into_instances(
        *paths,
        max_sequence_length=seq_len,
        eos_token_id=eos_id,
        dtype=np.uint32,
        long_doc_strategy=importlib.import_module("olmo_core.data.types").LongDocStrategy(strategy),
    )
    return instances, bounds.astype(np.int64), num_tokens
