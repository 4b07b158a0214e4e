"""What chat templates find beside Jinja's own, as in `transformers`: blocks, names, functions."""

from collections.abc import Callable
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension
from jinja2.filters import FILTERS
from jinja2.utils import Namespace

from bfpack_spark.tokenizing.traced_text import as_target


class Names(Namespace):
    """`namespace`, whose attributes cannot be Python's own."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, *rest = args
        for name in dict(*rest, **kwargs):
            _check_name(name)
        Namespace.__init__(self, *rest, **kwargs)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"it names an attribute {str(name)[:40]!r}")


class JoiningCode(CodeGenerator):
    """Jinja's compiler, whose operator ~ joins texts by the environment."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Generation(Extension):
    """{% generation %} ... {% endgeneration %}: what stands between is what the model is to say."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own declaration

    def parse(self, parser: Any) -> nodes.CallBlock:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_targets"), [], [], body, lineno=line)

    def _targets(self, caller: Callable[[], str]) -> str:
        return as_target(caller())


def escaped(value: Any) -> str:
    """Return what Jinja's filter of this name makes of a value, as plain text."""
    return str(FILTERS["escape"](str(value)))


def refuse(message: Any) -> None:
    """Refuse a conversation: what a template's raise_exception does."""
    raise TemplateError(str(message))


def has_generation(tree: nodes.Template) -> bool:
    """Tell whether a template says what the model is to say."""
    used = tree.find_all(nodes.ExtensionAttribute)
    return any(node.identifier == Generation.identifier for node in used)
