"""The ids of texts, by our engines and by the library itself."""

import numpy as np
from tokenizers import Tokenizer

from bfpack_spark.tokenizing.engines import EngineName, load_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary


def encode(name: EngineName, own: Vocabulary, texts: list[str]) -> list[list[int]]:
    """Return the ids of each text by one of our engines."""
    ids, lengths = load_engine(name, own).encode(texts)
    assert (ids.dtype, lengths.dtype) == (np.int32, np.int64)
    assert len(lengths) == len(texts)
    ends = np.cumsum(lengths)
    return [ids[end - length : end].tolist() for end, length in zip(ends, lengths, strict=True)]


def known(tokenizer: Tokenizer, texts: list[str], *, as_text: bool = True) -> list[list[int]]:
    """Return the ids of each text by the library, control words taken as text or as such."""
    tokenizer.encode_special_tokens = as_text
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
