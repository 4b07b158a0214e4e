"""A tokenizer's chat template: a conversation -> its text, and what in it the model is to say.

The template is a program in Jinja that is written for `transformers`, and gets what that gives it,
except for the clock (`strftime_now`), as a result must not depend on the day. What the model is to
say stands between {% generation %} and {% endgeneration %}, and nothing else tells it.

Some templates, those of models that see images above all, take a content only as a list of parts,
and lose a text without a word. Whether one does is found out by a short conversation.
"""

import functools
import re
from typing import Any

from jinja2 import Template
from jinja2.exceptions import TemplateError, TemplateSyntaxError

from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.conversations import Conversation
from bfpack_spark.tokenizing.outcomes import RefusedError
from bfpack_spark.tokenizing.panics import said as told
from bfpack_spark.tokenizing.stand_ins import pattern_of
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.template_parts import has_generation
from bfpack_spark.tokenizing.template_sandbox import Sandbox
from bfpack_spark.tokenizing.traced_text import said

CHARACTERS_MAX = 1 << 23  # of a conversation as text
STEPS_MAX = 1 << 22  # that a template takes for a conversation: about 4 s
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NAME_MAX = 64
# What the user and the assistant say in a conversation that shows how the template takes contents,
# and what stands beside the text of a part. No filter writes digits in another case.
_SAID, _UNSAID = ("49280613", "70351942"), "86142907"


class Renderer:
    """A template, compiled for a process. `control_words` are those of the tokenizer."""

    def __init__(
        self,
        template: ChatTemplate,
        control_words: list[str],
        *,
        characters_max: int = CHARACTERS_MAX,
        steps_max: int = STEPS_MAX,
    ) -> None:
        self._control = pattern_of(control_words)
        self._sandbox = Sandbox(self._control, characters_max, steps_max)
        self._special = dict(template.special)
        self._template = _compiled(self._sandbox, template)
        self._takes_parts = False
        parts = ([{"type": "text", "text": text, "unsaid": _UNSAID}] for text in _SAID)
        self._takes_parts = not self._tells(*_SAID) and self._tells(*parts)

    def render(self, conversation: Conversation) -> str:
        """Return the conversation as text that knows where it comes from. Raises RefusedError,
        which says why, if the template refuses it or fails."""
        sandbox, template = self._sandbox, self._template
        sandbox.begin()
        try:
            values = {
                **self._special,
                "messages": [self._traced_message(message) for message in conversation.messages],
                "tools": self._traced(conversation.tools),
                "documents": None,
                "add_generation_prompt": False,
            }
            return sandbox.joined(template.root_render_func(template.new_context(values)))
        except RefusedError:
            raise
        except RecursionError:
            raise RefusedError(
                Reason.NOT_RENDERED,
                "the template calls itself without an end, or the conversation is nested too deep",
            ) from None
        except Exception as error:  # whatever a program of others does
            kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
            raise RefusedError(Reason.NOT_RENDERED, f"{kind}{told(error)}"[:300]) from None

    def _tells(self, *contents: Any) -> bool:
        """Tell whether the template writes the words of a question and an answer with these
        contents, and not the whole objects that hold the words."""
        messages = [
            {"role": role, "content": content}
            for role, content in zip(("user", "assistant"), contents, strict=True)
        ]
        try:
            text = self.render(Conversation(messages=messages))
        except RefusedError:
            return False
        return all(word in text for word in _SAID) and _UNSAID not in text

    def _traced_message(self, message: dict[str, Any]) -> dict[str, Any]:
        role = message["role"]
        if not self._is_name(role):
            raise RefusedError(
                Reason.NOT_RENDERED,
                f"role {str(role)[:64]!r}: wanted letters, digits, '_', '.' and '-', and no "
                "control word",
            )
        held = {**self._traced(message), "role": role}
        if "content" in message:
            held["content"] = self._content(message["content"])
        return held

    def _content(self, content: Any) -> Any:
        """Return a content as the template takes it: one text, or parts whose texts are the
        message's."""
        texts = content if isinstance(content, list) else [content]
        if not all(isinstance(text, str) for text in texts):
            return self._traced(content)
        if self._takes_parts:
            return [{"type": "text", "text": said(text)} for text in texts]
        return said("".join(texts))

    def _traced(self, value: Any) -> Any:
        """Return a value with each text in it as a message's. The names in objects are left to
        the template, if they are plain ones."""
        if isinstance(value, str):
            return said(value)
        if isinstance(value, list):
            return [self._traced(item) for item in value]
        if isinstance(value, dict):
            return {
                key if self._is_name(key) else said(key): self._traced(held)
                for key, held in value.items()
            }
        return value

    def _is_name(self, text: Any) -> bool:
        """Tell whether a text is short and plain, and holds no control word, so that a template
        can make words like <|user|> of it and nobody can make it mean more."""
        return isinstance(text, str) and len(text) <= _NAME_MAX and _is_name(text, self._control)


@functools.lru_cache(maxsize=1 << 12)  # most are role and content, again and again
def _is_name(text: str, control: re.Pattern[str]) -> bool:
    return _NAME.fullmatch(text) is not None and control.search(text) is None


def _compiled(sandbox: Sandbox, template: ChatTemplate) -> Template:
    """Compile a template. Raises InputError, which says what to do, if it is not one or says not
    what the model is to say."""
    try:
        tree = sandbox.parse(template.source)
        compiled = sandbox.from_string(template.source)
    except RecursionError:
        raise InputError(f"{template.name}: nested too deep; write a plainer template") from None
    except TemplateSyntaxError as error:
        raise InputError(
            f"{template.name}: line {error.lineno}: {told(error)}; correct the template"
        ) from None
    except TemplateError as error:
        raise InputError(f"{template.name}: {told(error)}; take this out of it") from None
    if not has_generation(tree):
        raise InputError(
            f"{template.name}: it has no {{% generation %}}, so nobody could say what the model is "
            "to learn; put {% generation %} and {% endgeneration %} around what it says, in a file "
            "of your own, and name it by --chat-template"
        )
    return compiled
