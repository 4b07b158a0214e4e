"""Templates run in a sandbox: what they make of texts is followed, and their work has bounds."""

import random
import re
from typing import Any

import pytest

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.conversations import Conversation
from bfpack_spark.tokenizing.outcomes import RefusedError
from bfpack_spark.tokenizing.renderer import Renderer
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.traced_text import MESSAGE, TARGET, runs_of

GENERATION = "{% generation %}{% endgeneration %}"
WORDS = ["<|a|>", "<|b|>", "<|user|>"]
CONTENT = "漢字 文,本\n 漢字"  # no other text here is Chinese


def rendered(source: str, content: Any = CONTENT, **more: Any) -> str:
    template = ChatTemplate(name="x", source=source + GENERATION, special=(("eos_token", "<|b|>"),))
    conversation = Conversation(
        messages=[{"role": "user", "content": content, **more}], tools=more.get("tools")
    )
    held = Renderer(template, WORDS, characters_max=1 << 16, steps_max=1 << 14)
    return held.render(conversation)


def ours(text: str) -> str:
    """The characters that the template said."""
    flags = [flag for length, flag in runs_of(text) for _ in range(length)]
    return "".join(
        letter for letter, f in zip(str.__str__(text), flags, strict=True) if not f & MESSAGE
    )


def check(text: str) -> None:
    assert not re.search(r"[\u3000-\u9fff]", ours(text)), (text, runs_of(text))


FOLLOWED = {
    "{{ '<|a|>' + m.content + '<|b|>' }}": "<|a|><|b|>",
    "{{ '<|a|>' ~ m['content'] ~ eos_token }}": "<|a|><|b|>",
    "<|a|>{{ m.content | trim }}<|b|>": "<|a|><|b|>",
    "{{ ['<|a|>', m.content, '<|b|>'] | join }}": "<|a|><|b|>",
    "{{ ['<|a|>', m.content] | join('<|b|>') }}": "<|a|><|b|>",
    "{{ '<|b|>'.join([m.content, '<|a|>']) }}": "<|b|><|a|>",
    "{{ m.content.split(',')[-1].lstrip('本') + '<|a|>' }}": "<|a|>",
    "{{ m.content.replace(',', '<|a|>') }}": "<|a|>",
    "{{ m.content | replace(',', '<|a|>') }}": "<|a|>",
    "{% set x %}<|a|>{{ m.content }}{% endset %}{{ x }}": "<|a|>",
    "{% macro f(x) %}<|a|>{{ x }}{% endmacro %}{{ f(m.content) }}": "<|a|>",
    "{% macro f() %}<|a|>{{ caller() }}{% endmacro %}{% call f() %}{{ m.content }}{% endcall %}": (
        "<|a|>"
    ),
    "{% for c in m.content %}{{ c }}<|a|>{% if loop.last %}{% break %}{% endif %}{% endfor %}": (
        "<|a|>" * len(CONTENT)
    ),
    "{{ ['<|a|>', m.content] | first }}{{ [m.content, '<|b|>'] | last }}": "<|a|><|b|>",
    "{{ [m.content, '<|a|>'] | sort | first }}{{ m.none | default('<|b|>') }}": "<|a|><|b|>",
    "{{ (['<|a|>'] + [m.content]) | join }}": "<|a|>",
    "{{ '<|' + m.role + '|>' }}": "<|user|>",
    "{{ '<|%s|>' % m.role }}{{ m.content }}": "<|user|>",
    "{{ m.get('role') }}{{ m.content[1:] }}": "user",
    "{{ m.items() | list | first | last }}": "",
    "{% filter upper %}<x>{{ m.content }}{% endfilter %}": "",
}


@pytest.mark.parametrize("source", FOLLOWED)
def test_what_the_template_says_is_told_from_what_messages_say(source: str) -> None:
    text = rendered("{% set m = messages[0] %}" + source)
    check(text)
    if "items()" not in source:
        assert ours(text) == FOLLOWED[source]


FILTERS = [
    *("upper", "lower", "title", "capitalize", "trim", "string", "safe", "e", "escape", "list"),
    *("list | join", "first", "last", "reverse", "sort | join", "unique | join", "tojson"),
    *("indent", "indent(2, true)", "center(40)", "wordwrap(3)", "truncate(5)", "striptags"),
    *("batch(2) | list", "slice(2) | list", "map('upper') | join", "select | join", "min", "max"),
    *("default('x')", "replace('漢', 'q')", "urlencode", "forceescape", "format", "items | list"),
    *("wordcount", "length", "attr('upper')", "groupby(0) | list", "dictsort | list"),
]
METHODS = [
    *("upper()", "lower()", "title()", "swapcase()", "casefold()", "capitalize()", "strip('漢')"),
    *("center(30)", "ljust(30)", "zfill(40)", "split()", "rsplit(' ', 1)", "splitlines()"),
    *(
        "partition(',')",
        "rpartition(',')",
        "removeprefix('漢')",
        "removesuffix('字')",
        "find('漢')",
    ),
    *("format()", "join(['x', 'y'])", "replace('x', 'y')", "find('漢')"),
]
USES = [
    "{{ X }}",
    "{{ [X] }}",
    "{{ {'k': X} }}",
    "{{ X ~ 'x' }}",
    "{{ 'x' ~ [X] }}",
    "{{ (X, 1) }}",
]
USES += ["{% for i in X %}{{ i }}{% endfor %}", "{{ '%s' % X }}", "{{ '{}'.format(X) }}"]


def test_no_operation_makes_a_message_the_templates() -> None:
    draw = random.Random(5)
    made = 0
    for _ in range(700):
        text = "m.content"
        for _ in range(draw.randint(1, 3)):
            text = draw.choice(
                [f"({text} | {draw.choice(FILTERS)})", f"{text}.{draw.choice(METHODS)}"]
            )
        try:
            result = rendered("{% set m = messages[0] %}" + draw.choice(USES).replace("X", text))
        except RefusedError as refused:
            assert refused.reason == "not_rendered"  # noqa: PT017  # many draws are not refused
            continue
        check(result)
        made += bool(re.search(r"[\u3000-\u9fff]", result))
    assert made > 150


@pytest.mark.parametrize(
    "text",
    [
        *("'<|a|>%s' % m.content", "'<|a|>{}'.format(m.content)", "['<|a|>', m.content]"),
        *("'%s' % [['<|a|>', m.content]]", "'%s%s' % ('<|a|>', m.content)", "{'<|a|>': m.content}"),
    ],
)
def test_what_mixes_control_words_and_messages_unseen_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="control words and messages") as refused:
        rendered("{% set m = messages[0] %}{{ " + text + " }}")
    assert refused.value.reason == "not_rendered"


def test_signs_are_escaped_as_jinja_escapes_them() -> None:
    signs = '<a href="x">&\'</a>'
    wanted = "&lt;a href=&#34;x&#34;&gt;&amp;&#39;&lt;/a&gt;"
    for filters in ("e", "escape", "forceescape"):
        assert rendered(f"{{{{ messages[0].content | {filters} }}}}", content=signs) == wanted


def test_targets_are_what_stands_between_the_tags_wherever_it_is_made() -> None:
    source = (
        "{% macro say(x) %}<|a|>{% generation %}{{ x }}<|b|>{% endgeneration %}-{% endmacro %}"
        "{% set kept = say(messages[0].content) %}first {{ kept }}"
    )
    text = rendered(source, content="word")
    assert text == "first <|a|>word<|b|>-"
    assert runs_of(text) == (
        *((11, 0), (4, MESSAGE | TARGET)),
        *((5, TARGET), (1, 0)),
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "steps"),
        ("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "without an end"),
        (
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}"
            "{{ f(40) }}",
            "steps",
        ),
        ("{{ 'x' * 99999999 }}", "characters"),
        ("{{ 'x' * 60000 * 2 }}", "characters"),
        ("{% set n = namespace(x='xx') %}" + "{% set n.x = n.x ~ n.x %}" * 20, "characters"),
        ("{{ [0] * 99999999 }}", "steps|characters"),
        ("{{ 'x'.center(99999999) }}", "number"),
        ("{{ 'x' | center(99999999) }}", "number"),
        ("{{ '%99999999d' % 1 }}", "wide"),
        ("{{ '%*d' % (99999999, 1) }}", "wide"),
        ("{{ '{:99999999}'.format(1) }}", "format"),
        ("{{ 10 ** 10 ** 10 }}", "power"),
        ("{{ messages[0].content.__class__.mro() }}", "__class__"),
        ("{{ messages.append(1) }}", "append"),
        ("{% set n = namespace(_x=1) %}", "_x"),
        ("{{ 'x'.encode() }}", "encode"),
        ("{{ raise_exception('no such role') }}", "^no such role$"),
        ("{{ strftime_now('%Y') }}", "strftime_now"),
        ("{{ messages[0].x.y }}", "undefined|no attribute"),
        ("{{ lipsum() }}", "lipsum"),
    ],
)
def test_a_template_that_does_too_much_or_what_it_may_not_is_refused(source: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why) as refused:
        rendered(source)
    assert refused.value.reason == "not_rendered"


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ x | random }}", "{% autoescape true %}{% endautoescape %}", "{" * 9]
)
def test_a_template_that_is_none_is_the_users_mistake(source: str) -> None:
    with pytest.raises(InputError, match=r"^x: "):
        rendered(source)


def test_a_template_without_generation_is_the_users_mistake() -> None:
    template = ChatTemplate(name="x", source="{# {% generation %} #}{{ messages }}", special=())
    with pytest.raises(InputError, match=r"no {% generation %}"):
        Renderer(template, WORDS)


@pytest.mark.parametrize("role", ["user|>\n<|a", "<|a|>", "", "a b", "x" * 65])
def test_a_role_is_a_plain_name(role: str) -> None:
    template = ChatTemplate(name="x", source="{{ messages[0].role }}" + GENERATION, special=())
    with pytest.raises(RefusedError, match="role") as refused:
        Renderer(template, WORDS).render(Conversation(messages=[{"role": role, "content": "x"}]))
    assert refused.value.reason == "not_rendered"


def test_names_in_objects_are_the_templates_if_they_are_plain() -> None:
    tools = [{"name": "漢字", "<|a|>": "文", "漢字": 1}]
    text = rendered(
        "{% for k, v in tools[0].items() %}{{ k }}={{ v }};{% endfor %}{{ tools | tojson }}",
        tools=tools,
    )
    assert ours(text) == "name=;=;=1;"
