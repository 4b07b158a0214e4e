"""Rendered conversations -> ids and loss masks, exact at the borders of what the model is to say.

A token is a target if its characters lie between the borders of a target. No token may lie over a
border, since the loss of such a token would be right for neither side.

The reference says of each token where it lies. A fast engine does not, so it is given each text
twice, as it is and cut at its borders. Where the ids are the same, no token lies over a border, and
those of the cut text tell on which side each is:

    <s>user: a|b c|</s>     whole 1 7 8 9 2     cut 1 7 | 8 9 | 2     mask 0 0 1 1 0

Where they differ, the reference has the last word.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bfpack_spark.errors import JobError
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.ends import Mask
from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine, load_reference
from bfpack_spark.tokenizing.ids_of_texts import Ids, parts_of_batch
from bfpack_spark.tokenizing.outcomes import RefusedError
from bfpack_spark.tokenizing.stand_ins import KEPT_FOR_US, StandIns
from bfpack_spark.tokenizing.traced_text import MESSAGE, TARGET, runs_of

Aligned: TypeAlias = tuple[Ids, Mask]


@dataclass(frozen=True, kw_only=True)
class StoodIn:
    """A rendered conversation with stand-ins for the template's control words. At each border,
    targets begin or end; the first characters are none, if the first border is not 0."""

    text: str
    borders: tuple[int, ...]  # places in the text, ascending
    control_ids: tuple[int, ...]  # of the stand-ins, in their order

    def pieces(self) -> list[str]:
        """Return the text cut at its borders."""
        places = [0, *self.borders, len(self.text)]
        return [self.text[a:b] for a, b in itertools.pairwise(places)]


def stand_in(rendered: str, stand_ins: StandIns) -> StoodIn:
    """Replace the control words of the template in a rendered conversation. Raises RefusedError
    if a message holds a stand-in, or if a border lies in a control word."""
    mark = KEPT_FOR_US.search(rendered)
    if mark is not None:
        raise RefusedError(
            Reason.CONTROL_TOKEN, f"U+{ord(mark.group()):04X}, a character that no text should hold"
        )
    borders = _borders(rendered)
    parts: list[str] = []
    control_ids: list[int] = []
    moved: list[int] = []  # the borders' places in the new text
    done = size = 0  # characters taken, and characters of the new text

    def keep(end: int) -> None:
        nonlocal done, size
        while len(moved) < len(borders) and borders[len(moved)] <= end:
            moved.append(size + borders[len(moved)] - done)
        parts.append(str.__str__(rendered)[done:end])
        size, done = size + end - done, end

    for begin, end in _template_stretches(rendered):
        for match in stand_ins.pattern.finditer(str.__str__(rendered), begin, end):
            keep(match.start())
            if len(moved) < len(borders) and borders[len(moved)] < match.end():
                raise RefusedError(
                    Reason.NOT_ALIGNED, f"a target begins or ends inside {match.group()}"
                )
            parts.append(stand_ins.words[match.group()])
            control_ids.append(stand_ins.ids[match.group()])
            size, done = size + len(parts[-1]), match.end()
    keep(len(rendered))
    return StoodIn(text="".join(parts), borders=tuple(moved), control_ids=tuple(control_ids))


def _borders(rendered: str) -> list[int]:
    """Return the places where targets begin and end, but for the end of the text."""
    places: list[int] = []
    place, before = 0, 0
    for length, flags in runs_of(rendered):
        if flags & TARGET != before:
            places.append(place)
        place, before = place + length, flags & TARGET
    return places


def _template_stretches(rendered: str) -> list[tuple[int, int]]:
    """Return begin and end of each stretch of the template's own characters."""
    stretches: list[tuple[int, int]] = []
    place = 0
    for length, flags in runs_of(rendered):
        if not flags & MESSAGE:
            begin = stretches.pop()[0] if stretches and stretches[-1][1] == place else place
            stretches.append((begin, place + length))
        place += length
    return stretches


def encode_aligned(
    texts: Sequence[StoodIn], stand_ins: StandIns, name: EngineName, load: Load = load_engine
) -> list[Aligned | RefusedError]:
    """Return ids and loss mask of each text, or the error that says why there are none."""
    if name == "tokenizers":
        return [_by_places(text, stand_ins) for text in texts]
    engine = load(name, stand_ins.vocabulary)
    wholes = parts_of_batch(*engine.encode([text.text for text in texts]))
    cuts = parts_of_batch(*engine.encode([stand_ins.border.join(text.pieces()) for text in texts]))
    out: list[Aligned | RefusedError] = []
    for text, whole, cut in zip(texts, wholes, cuts, strict=True):
        is_border = cut == stand_ins.border_id
        mask = (np.cumsum(is_border) % 2).astype(np.uint8)[~is_border]
        if len(whole) and np.array_equal(whole, cut[~is_border]):
            out.append(_checked(text, stand_ins, whole, mask))
            continue
        aligned = _by_places(text, stand_ins)
        if not isinstance(aligned, RefusedError) and not np.array_equal(aligned[0], whole):
            raise JobError(
                f"{name} and tokenizers disagree on a conversation; use --engine tokenizers"
            )
        out.append(aligned)
    return out


def _by_places(text: StoodIn, stand_ins: StandIns) -> Aligned | RefusedError:
    placed = load_reference(stand_ins.vocabulary).encode_with_places(text.text)
    if placed is None:
        return RefusedError(
            Reason.NOT_SPELLED, "some of the text is no token, and there is none for the unknown"
        )
    ids, begins, ends = placed
    for border in text.borders:
        over = np.flatnonzero((begins < border) & (ends > border))
        if len(over):
            begin, end = begins[over[0]], ends[over[0]]
            return RefusedError(
                Reason.NOT_ALIGNED,
                f"the token of {text.text[begin:end]!r} lies over the border at character {border}",
            )
    mask = (np.searchsorted(text.borders, begins, side="right") % 2).astype(np.uint8)
    return _checked(text, stand_ins, ids, mask)


def _checked(text: StoodIn, stand_ins: StandIns, ids: Ids, mask: Mask) -> Aligned | RefusedError:
    """Return ids and mask if the control tokens among the ids are those of the template."""
    found = ids[np.isin(ids, stand_ins.guarded_ids)]
    if not np.array_equal(found, text.control_ids):
        return RefusedError(
            Reason.CONTROL_TOKEN, "the text's own tokens include the id of a control token"
        )
    return ids, mask
