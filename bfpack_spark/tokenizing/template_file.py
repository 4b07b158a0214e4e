"""The chat template that the user means: a file of its own, or what lies beside tokenizer.json."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgspec

from bfpack_spark.errors import InputError
from bfpack_spark.files import access

_BYTES_MAX = 1 << 20
_TOOL_USE = "tool_use"
_SPECIAL = tuple(f"{kind}_token" for kind in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))


@dataclass(frozen=True, kw_only=True)
class ChatTemplate:
    """A template as it travels to the workers. `name` is what the user calls it by, `special` the
    tokens that it may name, such as bos_token."""

    name: str
    source: str
    special: tuple[tuple[str, str], ...]

    @property
    def sha256(self) -> str:
        """Return what identifies the template, with the tokens that it may name."""
        told = repr(self.special).encode()
        return hashlib.sha256(self.source.encode() + b"\0" + told).hexdigest()

    def as_json(self) -> bytes:
        """Return the template as it is kept beside the tokens that it made."""
        return json.dumps({"source": self.source, "special": dict(self.special)}).encode()


def stored_template(raw: bytes) -> ChatTemplate | None:
    """Return the template that is kept beside tokens, or None if it is none."""
    try:
        held = msgspec.json.decode(raw, type=_Stored)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return ChatTemplate(
        name="chat_template.json", source=held.source, special=tuple(held.special.items())
    )


class _Stored(msgspec.Struct, frozen=True):
    source: str
    special: dict[str, str]


def read_template(
    tokenizer: str, companion: dict[str, Any], file: str | None, tools_column: str | None = None
) -> ChatTemplate:
    """Return the template of `file`, or else of chat_template.jinja beside the tokenizer, or else
    of its tokenizer_config.json (`companion`). Raises InputError if there is none, or if there is
    another one for conversations with tools and a column of tools is read."""
    if file is not None:
        return template_of(
            f"--chat-template {file}", _read(f"--chat-template {file}", file), companion
        )
    folder = tokenizer.rstrip("/")
    if access.is_file(folder):
        folder = folder.rpartition("/")[0] if "/" in folder else "."
    template = _beside(folder, companion)
    if template is None:
        raise InputError(
            f"--tokenizer {tokenizer}: no chat template beside it, neither chat_template.jinja nor "
            "one in tokenizer_config.json; name a file by --chat-template"
        )
    other = None if tools_column is None else _of_tools(folder, template, companion)
    if other is not None:
        raise InputError(
            f"--tools-column {tools_column}: beside {template.name} there is {other}, which "
            "transformers takes where a conversation has tools; name one of the two by "
            "--chat-template FILE"
        )
    return template


def _beside(folder: str, companion: dict[str, Any]) -> ChatTemplate | None:
    """Return the template for all conversations in the folder of a tokenizer, or None."""
    file = f"{folder}/chat_template.jinja"
    if access.is_file(file):
        return template_of(file, _read(file, file), companion)
    source = _named(companion.get("chat_template")).get("default")
    if source is None:
        return None
    return template_of(f"{folder}/tokenizer_config.json", source, companion)


def _of_tools(folder: str, template: ChatTemplate, companion: dict[str, Any]) -> str | None:
    """Return what the user calls the template that is for conversations with tools, or None."""
    file = f"{folder}/additional_chat_templates/{_TOOL_USE}.jinja"
    if access.is_file(file):
        return file
    # Beside chat_template.jinja, those of the config do not count.
    in_config = template.name.endswith(".json")
    if in_config and _TOOL_USE in _named(companion.get("chat_template")):
        return f"its template {_TOOL_USE}"
    return None


def template_of(name: str, source: str, companion: dict[str, Any]) -> ChatTemplate:
    """Return a template with the tokens that a tokenizer_config.json names."""
    named = ((key, content_of(companion.get(key))) for key in _SPECIAL)
    return ChatTemplate(
        name=name,
        source=source,
        special=tuple((key, content) for key, content in named if content is not None),
    )


def content_of(value: Any) -> str | None:
    """Return the text of a token as a tokenizer_config.json has it, alone or in an object."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _named(value: Any) -> dict[str, str]:
    """Return the templates of tokenizer_config.json by their names: a text is the default one, and
    a list holds named ones."""
    listed = value if isinstance(value, list) else [{"name": "default", "template": value}]
    pairs = [(one.get("name"), one.get("template")) for one in listed if isinstance(one, dict)]
    return {
        name: source for name, source in pairs if isinstance(name, str) and isinstance(source, str)
    }


def _read(name: str, file: str) -> str:
    if not access.is_file(file):
        raise InputError(f"{name}: no such file; give a file that holds a template in Jinja")
    raw = access.read_bytes(file)
    if raw is None or len(raw) > _BYTES_MAX:
        raise InputError(f"{name}: more than {_BYTES_MAX} bytes; give a template in Jinja")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8; save it as UTF-8") from None
