"""Jinja's sandbox, in which texts know where they come from, and in which work is counted.

Every way by which a template makes a text out of others goes through this environment: operators,
calls, filters, output, macros. What it does not know to follow counts as a message's text.

A template may be somebody else's, and may be wrong: so its steps are counted, as are the characters
of the texts that it makes. Both bounds are counts and no clock, so that it fails for the same
conversations everywhere.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable
from types import BuiltinMethodType
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import LoopControlExtension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bfpack_spark.tokenizing import traced_text
from bfpack_spark.tokenizing.template_parts import Generation, JoiningCode, Names, escaped, refuse
from bfpack_spark.tokenizing.traced_text import TracedText, holds_message, joined, said

_CHARACTERS_A_STEP = 1 << 10  # a text that is made costs a step for each so many characters
_NUMBER_MAX = 1 << 16  # a wider field or longer list is not asked for by a chat template
_WIDE = re.compile(r"[%{:][^a-zA-Z]*(\*|\d{4})")  # in a format

_FOLLOWED: dict[str, Callable[..., Any]] = {
    name: getattr(traced_text, name)
    for name in (
        *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "split", "rsplit"),
        *("splitlines", "partition", "rpartition", "replace", "join"),
    )
}
_OTHER_METHODS = frozenset(
    {
        *("capitalize", "casefold", "center", "count", "endswith", "find", "index", "isalnum"),
        *("isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric"),
        *("isprintable", "isspace", "istitle", "isupper", "ljust", "lower", "rfind", "rindex"),
        *("rjust", "startswith", "swapcase", "title", "upper", "zfill"),
    }
)
# They hand on what they are given, letters of a text too, and make no text of it.
_SELECTING_FILTERS = frozenset(
    {
        *("first", "last", "min", "max", "default", "d", "attr", "list", "sort", "unique", "map"),
        *("select", "reject", "selectattr", "rejectattr", "batch", "slice", "items", "dictsort"),
        *("groupby", "reverse", "count", "length"),
    }
)
_REFUSED_FILTERS = ("random", "xmlattr", "urlize", "pprint")
_OWN_NODES = (nodes.EvalContextModifier, nodes.MarkSafe, nodes.MarkSafeIfAutoescape)


class TooMuchWorkError(TemplateError):
    """A template takes more steps, or makes longer texts, than it may."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of chat templates, with what `transformers` offers them but for the clock.

    `control`: what a control word looks like. A text that an operation makes in a way that is not
    followed must not mix a template's control words with messages."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def __init__(self, control: re.Pattern[str], characters_max: int, steps_max: int) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[Generation, LoopControlExtension],
            finalize=self.text_of,
        )
        self.code_generator_class = JoiningCode
        self.concat = self.joined  # type: ignore[method-assign]
        self._control = control
        self._characters_max = characters_max
        self._steps_max = self._steps_left = steps_max
        for name in _REFUSED_FILTERS:
            self.filters.pop(name)
        self.filters |= {
            name: self._followed(held)
            for name, held in self.filters.items()
            if name not in _SELECTING_FILTERS
        }
        self.filters |= {
            "tojson": self._to_json,
            "trim": lambda value, chars=None: traced_text.strip(self.text_of(value), chars),
            "replace": self._replace,
            "string": self.text_of,
            "safe": self.text_of,
            **dict.fromkeys(("escape", "e", "forceescape"), self._followed(escaped)),
            "join": self._join,
            "_counted": self._counted,
        }
        self.globals.pop("lipsum")
        self.globals |= {"raise_exception": refuse, "namespace": Names}

    # Work

    def begin(self) -> None:
        """Count the steps of another conversation."""
        self._steps_left = self._steps_max

    def charge(self, steps: int) -> None:
        """Count steps. Raises TooMuchWorkError if there are too many."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise TooMuchWorkError(f"it takes more than {self._steps_max} steps")

    def _check_length(self, length: int) -> None:
        if length > self._characters_max:
            raise TooMuchWorkError(f"it makes a text of {length} characters")
        self.charge(1 + length // _CHARACTERS_A_STEP)

    def _counted(self, value: Iterable[Any]) -> list[Any]:
        items = list(value)
        self.charge(1 + len(items))
        return items

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if any(True for _ in tree.find_all(_OWN_NODES)):
            raise SecurityError("it turns escaping on or off")
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
        return tree

    # Texts

    def text_of(self, value: Any) -> str:
        """Return a value as the text that a template writes for it."""
        if isinstance(value, str) and type(value) in (str, TracedText):
            return value
        if not isinstance(value, str) and not holds_message(value):
            return str(value)
        if self._holds_control_word(value):
            raise SecurityError("it writes control words and messages as one value")
        return said(str(value))

    def joined(self, parts: Iterable[Any], between: str = "") -> str:
        """Return values as texts, one after another."""
        texts = [self.text_of(part) for part in parts]
        length = sum(map(len, texts)) + max(len(texts) - 1, 0) * len(between)
        self._check_length(length)
        return joined(texts, between)

    def _join(self, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
        items = self._counted(value)
        if attribute is not None:
            items = [self.getitem(item, attribute) for item in items]
        return self.joined(items, self.text_of(d))

    def _replace(self, value: Any, old: str, new: str, count: int | None = None) -> str:
        text, new = self.text_of(value), self.text_of(new)
        times = text.count(old) if old else 0
        self._check_length(len(text) + times * len(new))
        return traced_text.replace(text, old, new, -1 if count is None else count)

    def _to_json(
        self,
        value: Any,
        ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - as transformers has it
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,  # noqa: FBT001, FBT002
    ) -> str:
        self._check_numbers([indent])
        made = json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )
        self._check_length(len(made))
        return said(made) if holds_message(value) else made

    def _check_numbers(self, values: Iterable[Any]) -> None:
        if any(isinstance(value, int) and abs(value) > _NUMBER_MAX for value in values):
            raise TooMuchWorkError(f"it takes a number beyond {_NUMBER_MAX}")

    def _marked(self, result: Any, given: tuple[Any, ...]) -> Any:
        """Return what an operation made that is not followed: a message's if any of what it was
        given is. Raises SecurityError if a template's control word was given too."""
        texts = result if isinstance(result, list | tuple) else [result]
        if not any(isinstance(text, str) and type(text) is not TracedText for text in texts):
            return result
        if not holds_message(given):
            return result
        if any(map(self._holds_control_word, given)):
            raise SecurityError("it mixes control words and messages; join them by + or ~")
        self._check_length(sum(len(text) for text in texts if isinstance(text, str)))
        if isinstance(result, str):
            return said(result)
        return type(result)(said(text) if isinstance(text, str) else text for text in texts)

    def _holds_control_word(self, value: Any) -> bool:
        """Tell whether a control word of the template is in a value, or in anything in it."""
        if isinstance(value, str):
            return not holds_message(value) and self._control.search(value) is not None
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return isinstance(parts, list | tuple) and any(map(self._holds_control_word, parts))

    # Operators, calls and filters

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Do what an operator does, with bounds on what it makes."""
        self.charge(1)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.joined((left, right))
        if operator == "*":
            return self._times(left, right)
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            raise TooMuchWorkError("it formats with a wide field")
        if operator == "**" and max(abs(left), abs(right)) > 1 << 10:
            raise TooMuchWorkError("it raises a large number to a power")
        made = super().call_binop(context, operator, left, right)
        return self._marked(made, (left, right)) if operator == "%" else made

    def _times(self, left: Any, right: Any) -> Any:
        value, times = (right, left) if isinstance(left, int) else (left, right)
        if isinstance(value, str) and isinstance(times, int):
            self._check_length(len(value) * max(times, 0))
            return self.joined([value] * times)
        if isinstance(value, list | tuple):
            self._check_length(len(value) * max(times, 0) * _CHARACTERS_A_STEP)
        elif isinstance(value, int) and value.bit_length() > 1 << 10:
            raise TooMuchWorkError("it multiplies a large number")
        return value * times

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what a template calls."""
        __self.charge(1)
        inner = getattr(__obj, "__wrapped__", __obj)  # the sandbox's own around str.format
        owner = getattr(inner, "__self__", None)
        if isinstance(owner, str) and isinstance(inner, BuiltinMethodType):
            for name in ("_loop_vars", "_block_vars"):  # Jinja's own, for functions that ask
                kwargs.pop(name, None)
            return __self._method(owner, inner.__name__, __obj, args, kwargs)
        return super().call(__context, __obj, *args, **kwargs)  # it hands on texts as they are

    def _method(
        self, text: str, name: str, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call a method of a text."""
        self._check_length(len(text))
        if name == "join":
            return self.joined(self._counted(*args), text)
        if name == "replace":
            return self._replace(text, *args, **kwargs)
        if name in _FOLLOWED:
            return _FOLLOWED[name](text, *args, **kwargs)
        given = (text, *args, *kwargs.values())
        self._check_numbers(given)
        if name == "format" and not _WIDE.search(text):
            return self._marked(str.__str__(method(*args, **kwargs)), given)
        if name not in _OTHER_METHODS:
            raise SecurityError(f"it calls {name} of a text")
        return self._marked(method(*args, **kwargs), given)

    def _followed(self, held: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter whose result is a message's text if it was given one."""

        @functools.wraps(held)  # keeps the mark that it wants the environment
        def followed(*args: Any, **kwargs: Any) -> Any:
            given = (*args, *kwargs.values())
            self.charge(1)
            self._check_numbers(given)
            return self._marked(held(*args, **kwargs), given)

        return followed
