"""A conversation as its tokens, and how many rows conversations take if each is packed whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from bfpack_spark.errors import InputError
from bfpack_spark.explore.frames import frame
from bfpack_spark.explore.statistics import CorpusStats
from bfpack_spark.tokenizing.outcomes import RefusedError
from bfpack_spark.tokenizing.stand_ins import make_stand_ins
from bfpack_spark.tokenizing.template_file import template_of
from bfpack_spark.tokenizing.tokenize_conversations import (
    ConversationSpec,
    tokenize_conversations,
)
from bfpack_spark.tokenizing.tokenizer_file import read_tokenizer
from bfpack_spark.tokenizing.vocabulary import load_vocabulary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TokenText:
    """A token of a conversation, as text."""

    text: str
    is_target: bool
    is_control: bool


def conversation_tokens(
    tokenizer: str | Path, template: str, messages: list[dict[str, Any]], tools: Any = None
) -> list[TokenText]:
    """Return the tokens of a conversation, by the tokenizer in a file or directory and a template
    in Jinja. Raise InputError if the conversation is refused."""
    raw, companion = read_tokenizer(str(tokenizer))
    vocabulary = load_vocabulary(
        raw, companion, eos_token=None, bos_token=None, control_tokens="text"
    )
    stand_ins = make_stand_ins(vocabulary)
    spec = ConversationSpec(
        template=template_of("the template", template, companion),
        stand_ins=stand_ins,
        engine="tokenizers",
    )
    (made,) = tokenize_conversations([(messages, tools)], spec)
    if isinstance(made, RefusedError):
        raise InputError(f"the conversation is refused: {made}; change it or the template")
    spelling = Tokenizer.from_buffer(raw)
    control = set(stand_ins.guarded_ids.tolist())
    return [
        TokenText(
            text=spelling.decode([number], skip_special_tokens=False),
            is_target=bool(target),
            is_control=number in control,
        )
        for number, target in zip(made.ids.tolist(), made.loss_mask.tolist(), strict=True)
    ]


def whole_rows_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len: the documents that fit, the rows that these take by best fit,
    how many times more they take if each is padded to a row of its own, and the share of padding
    in both. `stats` must leave out what does not fit (long_documents "drop")."""
    return frame([_whole_rows(at) for at in stats.at])


def _whole_rows(at: Any) -> dict[str, Any]:
    account = at.plan.accounting
    fitting, tokens = account.num_documents_packed, account.num_tokens_packed
    return {
        "seq_len": at.seq_len,
        "num_fitting": fitting,
        "num_rows": account.num_sequences,
        "times_fewer": fitting / max(account.num_sequences, 1),
        "padding_share": at.plan.padding_share,
        "padded_share": 1 - tokens / max(fitting * at.seq_len, 1),
        "concat_cut_share": at.concat.cut_share,
    }
