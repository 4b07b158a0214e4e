"""Conversations as people write them down: lists of messages, in the two ways that are common.

[{"role": "user", "content": "Hi"}, ...]      {"from": "human", "value": "Hi"} says the same
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.outcomes import RefusedError

_ROLES = {"human": "user", "gpt": "assistant"}
_LONG_NUMBER = re.compile(r"\d{19}")
_REASONING = ("reasoning_content", "thinking", "reasoning")  # the first one that is there counts


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Messages, each with its role, its content if it has any, and all else it came with. A content
    is a text, or a list of the texts of its parts."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None


def parse_conversation(messages: Any, tools: Any = None) -> Conversation:
    """Return the conversation in the values of two columns. Both may be JSON as a text. Raises
    RefusedError, which names the message."""
    listed = _parsed(messages, "messages")
    if not isinstance(listed, list):
        raise _refused(f"{_kind(listed)} instead of a list of messages")
    if not listed:
        raise _refused("no message")
    return Conversation(
        messages=[_message(message, place) for place, message in enumerate(listed)],
        tools=_tools(_parsed(tools, "tools")),
    )


def _parsed(value: Any, column: str) -> Any:
    if not isinstance(value, str | bytes):
        return value
    try:
        return _loaded(value.decode() if isinstance(value, bytes) else value) if value else None
    except (ValueError, RecursionError) as error:
        raise _refused(f"{column} are a text that is no JSON ({error})") from None


def _loaded(text: str) -> Any:
    """Parse JSON as exactly as lines are: orjson, which is faster, makes floats of integers beyond
    64 bits and takes no NaN. Raises ValueError and RecursionError."""
    if not _LONG_NUMBER.search(text):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(text)
    value = json.loads(text)
    json.dumps(value, ensure_ascii=False).encode()  # fails where a surrogate pair has one half
    return value


def _message(message: Any, place: int) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise _refused(f"message {place} is {_kind(message)}, not an object")
    # Where rows have one schema, a message has the columns of all others, as nulls.
    held = {name: value for name, value in message.items() if value is not None}
    if "role" not in held and "from" in held:
        role = held.pop("from")
        held["role"] = _ROLES.get(role, role) if isinstance(role, str) else role
    if "content" not in held and "value" in held:
        held["content"] = held.pop("value")
    if not isinstance(held.get("role"), str):
        raise _refused(f"message {place} has no role")
    if "content" in held:
        held["content"] = _content(held["content"], place)
    elif "tool_calls" not in held:
        raise _refused(f"message {place} has no content")
    return _with_reasoning(held)


def _content(content: Any, place: int) -> str | list[str]:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _refused(f"the content of message {place} is {_kind(content)}, not text")
    return [_part(part, place) for part in content]


def _part(part: Any, place: int) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    kind = part.get("type", "text") if isinstance(part, dict) else "text"
    if kind != "text" or not isinstance(text, str):
        what = f"of type {kind}" if isinstance(part, dict) else _kind(part)
        raise _refused(f"a part of message {place} is no text but {str(what)[:40]}")
    return text


def _with_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message with its reasoning under each name that templates read it by."""
    reasoning = next((message[name] for name in _REASONING if name in message), None)
    if reasoning is None:
        return message
    return {"thinking": reasoning, **message, "reasoning_content": reasoning}


def _tools(tools: Any) -> list[dict[str, Any]] | None:
    if tools is None or tools == []:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _refused("the tools are no list of objects")
    return tools


def _refused(why: str) -> RefusedError:
    return RefusedError(Reason.NOT_A_CONVERSATION, why)


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
