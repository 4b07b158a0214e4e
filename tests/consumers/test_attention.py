"""Documents of a packed row do not see each other: logits, masks and losses, by three kernels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from consumers.conftest import loss_of_documents, opened, tiny_model
from consumers.small import documents_of
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

from bfpack_spark.reading import layouts
from bfpack_spark.reading.torch_batches import as_tensors

EXACT = 1e-5
FAR = 1e-2


@pytest.fixture(scope="module")
def batch(output: Path) -> layouts.Batch:
    for found in opened(output).batches(4):
        if found["is_padding"].any():
            return found
    raise AssertionError("no batch has padding")


def logits_alone(batch: layouts.Batch, attention: str) -> torch.Tensor:
    model = tiny_model(attention)
    with torch.no_grad():
        pieces = [
            model(input_ids=torch.from_numpy(ids.astype("int64"))[None]).logits[0]
            for ids in documents_of(batch)
        ]
    return torch.cat(pieces)


def difference(batch: layouts.Batch, attention: str, **inputs: torch.Tensor) -> float:
    """The largest difference of a real token's logits between packed and alone."""
    inputs.pop("labels", None)
    with torch.no_grad():
        logits = tiny_model(attention)(**inputs).logits.reshape(-1, 101)
    real = np.repeat(~batch["is_padding"], batch["seq_lengths"])
    return float((logits[torch.from_numpy(real)] - logits_alone(batch, attention)).abs().max())


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("layout", [layouts.flattened, layouts.batched])
def test_logits_of_a_packed_row_are_those_of_its_documents(
    batch: layouts.Batch, attention: str, layout: layouts.Layout
) -> None:
    inputs = as_tensors(layout(batch))
    assert difference(batch, attention, **inputs) < EXACT


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_boundary_moved_by_one_is_seen(batch: layouts.Batch, attention: str) -> None:
    lengths = batch["seq_lengths"].copy()
    lengths[0], lengths[1] = lengths[0] + 1, lengths[1] - 1
    inputs = as_tensors(layouts.flattened({**batch, "seq_lengths": lengths}))
    assert difference(batch, attention, **inputs) > FAR


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_an_attention_mask_of_ones_turns_document_masks_off(
    batch: layouts.Batch, attention: str
) -> None:
    inputs = as_tensors(layouts.batched(batch))
    ones = torch.ones_like(inputs["input_ids"])
    assert difference(batch, attention, **inputs, attention_mask=ones) > FAR


def test_flex_attention_takes_the_mask_of_documents(batch: layouts.Batch) -> None:
    """Heads of random numbers: packed, and document by document."""
    documents = torch.from_numpy(layouts.document_ids(batch))
    rows, seq_len = documents.shape
    torch.manual_seed(1)
    query, key, value = torch.randn(3, rows, 2, seq_len, 16)
    mask = create_block_mask(layouts.mask_mod(documents), rows, None, seq_len, seq_len, "cpu")
    packed = flex_attention(query, key, value, block_mask=mask)
    ends = np.cumsum(batch["num_segments"])
    for row, lengths in enumerate(np.split(batch["seq_lengths"], ends[:-1])):
        at = 0
        for length in lengths.tolist():
            here = (slice(row, row + 1), slice(None), slice(at, at + length))
            alone = scaled_dot_product_attention(
                query[here], key[here], value[here], is_causal=True
            )
            assert float((packed[here] - alone).abs().max()) < EXACT
            at += length


def test_the_loss_of_a_batch_is_that_of_its_documents(batch: layouts.Batch) -> None:
    model = tiny_model()
    alone = loss_of_documents(model, documents_of(batch))
    for layout in (layouts.flattened, layouts.batched):
        with torch.no_grad():
            packed = float(model(**as_tensors(layout(batch))).loss)
        assert abs(packed - alone) < EXACT


def test_ids_as_labels_train_on_padding_and_across_documents(batch: layouts.Batch) -> None:
    model = tiny_model()
    inputs = as_tensors(layouts.flattened(batch))
    with torch.no_grad():
        wrong = float(model(**{**inputs, "labels": inputs["input_ids"]}).loss)
    assert abs(wrong - loss_of_documents(model, documents_of(batch))) > FAR
