"""What the tests of trainers share. `make test-consumers` has an environment for them."""

from pathlib import Path
from typing import Any

import datasets.config
import pytest
import torch
from consumers.small import SEQ_LEN, VOCABULARY, write_small
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bfpack_spark.reading import PackedSequences

# A stream that is left early sleeps 5 s so that Arrow's threads end before the interpreter does.
datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN = 0


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def output(shards: Path) -> Path:
    return shards.parents[3]


def opened(output: Path, **more: Any) -> PackedSequences:
    rules = {"bucket": "b", "seq_len": SEQ_LEN, "seed": 3, "lanes": 3, "window": 1, **more}
    return PackedSequences(output, **rules)


def tiny_model(
    attention: str = "sdpa", vocabulary: int = VOCABULARY, length: int = SEQ_LEN * 16
) -> LlamaForCausalLM:
    """A random Llama of two layers, the same each time, for so many tokens at once."""
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=length,
        initializer_range=0.5,  # so that what a token sees is seen in its logits
        attn_implementation=attention,
        use_cache=False,
    )
    return LlamaForCausalLM(config).double().eval()  # so that a rounding is no difference


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Words of the vocabulary, for trainers that refuse to do without; 0 is padding."""
    words = WordLevel({f"word{number}": number for number in range(VOCABULARY)}, unk_token="word1")
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words), pad_token="word0")


def loss_of_documents(model: LlamaForCausalLM, documents: list[Any]) -> float:
    """The mean loss of a token, from documents that are run one by one."""
    total, targets = 0.0, 0
    with torch.no_grad():
        for ids in documents:
            one = torch.from_numpy(ids.astype("int64"))[None]
            if one.shape[1] > 1:
                total += float(model(input_ids=one, labels=one).loss) * (one.shape[1] - 1)
                targets += one.shape[1] - 1
    assert targets > 50
    return total / targets
