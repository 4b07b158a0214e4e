"""What a tokenizer.json says apart from its rules: its size, and the ids of EOS, BOS, padding."""

import functools
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.cuts import Cuts, find_cuts
from bfpack_spark.tokenizing.out_of_reach import put_out_of_reach
from bfpack_spark.tokenizing.template_file import ChatTemplate, content_of
from bfpack_spark.tokenizing.tokenizer_json import around_documents, parse_tokenizer

ControlTokens: TypeAlias = Literal["text", "quarantine", "allow"]

# End-of-text tokens of the widely used vocabularies. A name is taken if it is the only one there.
_WELL_KNOWN_EOS = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<|eos|>",
)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer as it travels to the workers: its file as bytes, so no path need exist there, and
    compressed, since a worker holds them three times beside the engine that it makes."""

    compressed: bytes  # what `compress` makes of a tokenizer.json
    sha256: str  # of the file itself
    size: int  # largest id + 1
    eos_id: int
    bos_id: int | None
    own_pad_id: int | None  # the tokenizer's pad token, if it is not EOS
    control_tokens: ControlTokens
    template: ChatTemplate | None = None  # where the documents are conversations

    @property
    def inserted_ids(self) -> set[int]:
        """Return the ids that text must not give by itself."""
        return {number for number in (self.eos_id, self.bos_id) if number is not None}

    @property
    def json(self) -> bytes:
        """Return the file's bytes."""
        return zlib.decompress(self.compressed)

    @property
    def engine_json(self) -> bytes:
        """Return the file as the engines load it. Unless control tokens are allowed, the tokens
        that we insert and the padding are marked special, so that the flags which keep special
        tokens out of text hold for them too. The model's own ways to spell a control token are put
        out of reach."""
        return zlib.decompress(self._for_engine[0])

    @property
    def guarded_ids(self) -> frozenset[int]:
        """Return the ids that no document's text may give, whatever the engine does."""
        return self._for_engine[1]

    @functools.cached_property
    def _for_engine(self) -> tuple[bytes, frozenset[int]]:
        """Return the file for the engines and the guarded ids. It is made once, where the engine is
        chosen, and travels with the vocabulary, so no worker holds the parsed file."""
        raw = self.json
        if self.control_tokens == "allow":
            return self.compressed, frozenset()
        inserted = (*self.inserted_ids, self.own_pad_id)
        changed, guarded = put_out_of_reach(raw, parse_tokenizer(raw), inserted)
        return self.compressed if changed == raw else compress(changed), guarded

    @functools.cached_property
    def cuts(self) -> Cuts | None:
        """Return where a text can be cut and tokenized piece by piece, or None if nowhere."""
        ours = {*self.inserted_ids, self.own_pad_id}
        kept_out = self.control_tokens != "allow"
        return find_cuts(
            parse_tokenizer(self.json),
            lambda token: not (kept_out and (token.special or token.id in ours)),
        )

    @functools.cached_property
    def special_tokens(self) -> list[str]:
        """Return the contents of the added tokens that are marked special: the control tokens."""
        return [token.content for token in parse_tokenizer(self.json).added if token.special]

    @functools.cached_property
    def special_pattern(self) -> re.Pattern[str]:
        """Return what finds one of these in a text."""
        return re.compile("|".join(map(re.escape, self.special_tokens)) or r"(?!)")

    @functools.cached_property
    def pad_is_kept_out(self) -> bool:
        """Return whether no text gives the padding because tokenizer_config.json names it: the
        file itself does not mark it special."""
        added = parse_tokenizer(self.json).added
        special = {token.id for token in added if token.special} | self.inserted_ids | {None}
        return self.control_tokens != "allow" and self.own_pad_id not in special

    @functools.cached_property
    def inserted_beside(self) -> tuple[str, ...]:
        """Return the tokens that the file's post-processor puts around a text and we do not."""
        file = parse_tokenizer(self.json)
        before, behind = around_documents(file)
        missing = [token for token in before if file.ids.get(token) != self.bos_id]
        return (*missing, *(token for token in behind if file.ids.get(token) != self.eos_id))

    @property
    def num_inserted(self) -> int:
        """Return the number of tokens that are put around each document."""
        return 1 if self.bos_id is None else 2


def compress(raw: bytes) -> bytes:
    """Compress a tokenizer.json, to a third of its size."""
    return zlib.compress(raw, level=1)


def load_vocabulary(
    raw: bytes,
    companion: dict[str, Any],
    *,
    eos_token: str | None,
    bos_token: str | None,
    control_tokens: ControlTokens,
) -> Vocabulary:
    """Read a tokenizer.json (`raw`) and its tokenizer_config.json (`companion`, which may be
    empty). Raises InputError if the file cannot be used, whatever it holds."""
    ids = token_ids(raw)
    eos = eos_token or content_of(companion.get("eos_token")) or _well_known_eos(ids)
    pad = content_of(companion.get("pad_token"))
    eos_id = _find(ids, eos, "--eos-token")
    own_pad_id = ids.get(pad) if pad else None
    return Vocabulary(
        compressed=compress(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        size=max(ids.values()) + 1,
        eos_id=eos_id,
        bos_id=_find(ids, bos_token, "--bos-token") if bos_token else None,
        own_pad_id=None if own_pad_id == eos_id else own_pad_id,
        control_tokens=control_tokens,
    )


def token_ids(raw: bytes) -> dict[str, int]:
    """Return the id of every token in a tokenizer.json, with the added tokens."""
    return parse_tokenizer(raw).ids


def pad_id(vocabulary_json: bytes, own_pad_id: int | None, eos_id: int, name: str | None) -> int:
    """Return the id that fills rows: --pad-token's, or else the tokenizer's own, or else EOS."""
    if name is not None:
        return _find(token_ids(vocabulary_json), name, "--pad-token")
    return eos_id if own_pad_id is None else own_pad_id


def _find(ids: dict[str, int], token: str, option: str) -> int:
    if token not in ids:
        such = [f", such as {known}" for known in _WELL_KNOWN_EOS if known in ids]
        raise InputError(
            f"{option} {token}: not in the tokenizer's vocabulary of {len(ids)}; "
            f"name one of its tokens{''.join(such[:1])}"
        )
    return ids[token]


def _well_known_eos(ids: dict[str, int]) -> str:
    there = [token for token in _WELL_KNOWN_EOS if token in ids]
    if len(there) != 1:
        seen = f"has {' and '.join(there)}" if there else "has none of the well-known names"
        raise InputError(
            f"--eos-token is missing: the vocabulary {seen}; name the end-of-text token"
        )
    return there[0]
