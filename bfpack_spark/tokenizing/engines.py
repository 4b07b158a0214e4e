"""Two engines behind one call: `tokenizers`, the reference, and `fastokens`, 20 to 50 times faster.

Both run on one thread, since Spark is the parallelism, and without the truncation, padding and
post-processing that a tokenizer.json may ask for.
"""

import hashlib
import os
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.memory import give_back
from bfpack_spark.tokenizing.vocabulary import Vocabulary

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["FASTOKENS_BPE_THREADS"] = "1"  # it does not heed RAYON_NUM_THREADS

import fastokens  # (both read their thread settings when they are loaded)
import tokenizers

EngineName: TypeAlias = Literal["fastokens", "tokenizers"]
Ids: TypeAlias = npt.NDArray[np.int32]

# Bytes of one document. The reference takes 154 bytes of memory a byte of text.
MAX_BYTES: dict[EngineName, int] = {"fastokens": 256 << 20, "tokenizers": 8 << 20}

_loaded: dict[tuple[str, str, str], "Engine"] = {}


class Engine(Protocol):
    """Text to ids; nothing is inserted."""

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        """All ids end to end, and the number of ids of each text."""


def load_engine(name: EngineName, vocabulary: Vocabulary) -> Engine:
    """An engine, loaded once a process: 1.9 s for a vocabulary of 128k.

    Raises ValueError if fastokens cannot handle this tokenizer, InputError if the reference cannot.
    """
    key = (name, vocabulary.sha256, f"{vocabulary.control_tokens} {vocabulary.inserted_ids}")
    if key not in _loaded:
        if hashlib.sha256(vocabulary.json).hexdigest() != vocabulary.sha256:
            raise JobError("the tokenizer did not arrive whole: its sha256 differs")
        make = _Fastokens if name == "fastokens" else _Tokenizers
        _loaded[key] = make(vocabulary)
        give_back()  # what parsing took, 48 MB for a vocabulary of 128k
    return _loaded[key]


class _Tokenizers:
    def __init__(self, vocabulary: Vocabulary) -> None:
        try:
            self._engine = tokenizers.Tokenizer.from_buffer(vocabulary.engine_json)
        except Exception as error:  # it raises nothing narrower
            raise InputError(
                f"--tokenizer: tokenizers cannot load it ({error}); "
                "give the file that `tokenizers` saves"
            ) from None
        self._engine.no_truncation()
        self._engine.no_padding()
        # Lost by pickle and to_str, so it is set here, in the process that uses it.
        self._engine.encode_special_tokens = vocabulary.control_tokens != "allow"

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        encodings = self._engine.encode_batch_fast(texts, add_special_tokens=False)
        ids = [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        lengths = np.array([len(part) for part in ids], dtype=np.int64)
        return np.concatenate(ids) if ids else np.empty(0, dtype=np.int32), lengths


class _Fastokens:
    def __init__(self, vocabulary: Vocabulary) -> None:
        try:
            self._engine = fastokens.Tokenizer.from_json_str(vocabulary.engine_json.decode())
        except BaseException as error:  # a Rust panic is not an Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise ValueError(f"fastokens cannot load it: {error}") from None
        self._engine.no_truncation()
        self._engine.no_padding()
        self._split = vocabulary.control_tokens != "allow"

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        raw, offsets = self._engine.encode_batch_flat(
            texts, add_special_tokens=False, split_special_tokens=self._split
        )
        ends = np.frombuffer(offsets, dtype="<u8").astype(np.int64)
        return np.frombuffer(raw, dtype="<i4"), np.diff(ends)
