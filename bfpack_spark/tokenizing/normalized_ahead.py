"""Steps of a normalizer that are done before an engine that does not know them.

The reference looks for added tokens in a text, and normalizes what is between them, step by step.
Where no added token is looked for, it normalizes the whole text, and the model sees the result. So
the first steps can be taken out of the file and be done on the text beforehand, by the library's
own normalizer: the ids are the same, whatever these steps do. Where an added token is looked for,
nothing is taken out.
"""

import json
from collections.abc import Callable

from bfpack_spark.tokenizing.normalizers import Normalize, normalizing
from bfpack_spark.tokenizing.tokenizer_json import Tree, parts_of
from bfpack_spark.tokenizing.vocabulary import Vocabulary


def sought_tokens(tree: Tree, vocabulary: Vocabulary) -> list[Tree]:
    """Return the added tokens of an engine's file that are looked for in a text: all, or those that
    are not special where control tokens stay text."""
    added: list[Tree] = tree.get("added_tokens") or []
    is_text = vocabulary.control_tokens != "allow"
    return [token for token in added if not (is_text and token.get("special"))]


def ahead_of(
    vocabulary: Vocabulary, is_known: Callable[[Tree], bool]
) -> tuple[Tree, Normalize | None]:
    """Return the engine's file without the steps up to the last that the engine does not know, and
    what does these to a text. Raises ValueError if there is no proof that the ids are the same."""
    tree: Tree = json.loads(vocabulary.engine_json)
    steps = parts_of(tree.get("normalizer"), "normalizers")
    unknown = [place for place, step in enumerate(steps) if not is_known(step)]
    if not unknown:
        return tree, None
    sought = sought_tokens(tree, vocabulary)
    if sought:
        kind = steps[unknown[0]].get("type")
        raise ValueError(
            f"its normalizer {kind} cannot be applied beforehand, because the added token "
            f"{sought[0].get('content')!r} is looked for in the text"
        )
    count = unknown[-1] + 1
    rest = {"type": "Sequence", "normalizers": steps[count:]} if steps[count:] else None
    return tree | {"normalizer": rest}, normalizing(steps[:count])
