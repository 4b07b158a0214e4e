"""Which chat template is taken of those that lie beside a tokenizer."""

from pathlib import Path
from typing import Any

import pytest

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.template_file import read_template

BOTH = {
    "chat_template": [
        {"name": "default", "template": "of all"},
        {"name": "tool_use", "template": "of tools"},
    ]
}


def in_files(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("of all")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("of tools")


@pytest.mark.parametrize(("companion", "other"), [(BOTH, "its template tool_use"), ({}, "/addit")])
def test_tools_ask_which_template_is_meant_where_there_are_two(
    companion: dict[str, Any], other: str, tmp_path: Path
) -> None:
    if not companion:
        in_files(tmp_path)
    assert read_template(str(tmp_path), companion, None).source == "of all"
    with pytest.raises(InputError) as error:
        read_template(str(tmp_path), companion, None, "tools")
    assert str(error.value).startswith(f"--tools-column tools: beside {tmp_path}/")
    assert other in str(error.value)
    assert "by --chat-template FILE" in str(error.value)
    (tmp_path / "x.jinja").write_text("of both")
    named = read_template(str(tmp_path), companion, f"{tmp_path}/x.jinja", "tools")
    assert named.source == "of both"


@pytest.mark.parametrize("companion", [{}, BOTH, {"chat_template": "not this"}])
def test_tools_take_the_only_template_that_transformers_would_look_at(
    companion: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "chat_template.jinja").write_text("of all")
    assert read_template(str(tmp_path), companion, None, "tools").source == "of all"
