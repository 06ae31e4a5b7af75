"""Templates put together from their literals give what jinja gives, whatever the template does."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import trl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from dpojob_trainer.inspection.model import TokenizerConfig
from dpojob_trainer.inspection.tokenization.templates import (
    ChatTemplate,
    SegmentedTemplate,
    TemplateRenderError,
    Texts,
    render_pair,
)
from dpojob_trainer.shared.rows.preference_pair import PlainPair, PreferencePair

OTHER_TEMPLATES = Path(__file__).parent
"""Layouts of published templates that TRL does not ship."""
TEMPLATES = sorted(OTHER_TEMPLATES.glob("*.jinja")) + sorted(
    (Path(trl.__file__).parent / "chat_templates").glob("*.jinja")
)
NOT_SEGMENTED = {
    "diffusion_gemma", "diffusion_gemma_training", "gemma4", "gemma4_v4", "gemma4_v5",
    "idefics3", "idefics3_training", "llava_next", "llava_next_training", "smolvlm",
    "smolvlm_training",
}  # fmt: skip
"""Templates that take characters or the length of contents."""
ROWS = 15
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def template_of(source: str) -> ChatTemplate:
    return ChatTemplate(TokenizerConfig({"default": source}, SPECIAL, {}))


def by_jinja(template: ChatTemplate, pair: PlainPair) -> Texts | str:
    answers = ([{"role": "assistant", "content": text}] for text in (pair.chosen, pair.rejected))
    try:
        return render_pair(template, pair.messages(), *answers)
    except TemplateRenderError as problem:
        return str(problem)


def by_segments(segments: SegmentedTemplate, pair: PlainPair) -> Texts | str:
    try:
        return segments.render(pair)
    except TemplateRenderError as problem:
        return str(problem)


class Adversary:
    """Writes contents of what a template itself holds, whole or cut, and of what it may strip or test."""

    def __init__(self, source: str) -> None:
        tree = template_of(source)._environment.parse(source)
        constants = [found.value for found in tree.find_all(nodes.Const)]
        written = [found.data for found in tree.find_all(nodes.TemplateData)]
        self.literals = [text for text in [*constants, *written] if isinstance(text, str) and text]
        self.dice = random.Random(source)

    def piece(self) -> str:
        dice, kind = self.dice, self.dice.random()
        if kind < 0.4:
            return dice.choice(["hi", "a", "The fox", "é", "1", "%s", "%", "{{ x }}", "\0", "True"])
        if kind < 0.75:
            text = dice.choice(self.literals)
            begin, end = sorted(dice.choices(range(len(text) + 1), k=2))
            return text if kind > 0.6 else text[begin:end]
        return dice.choice(
            ["", " ", "\n", "\n\n", "\t", "\u00a0", "<think>", "</think>\n\n", " x "]
        )

    def content(self) -> str:
        return "".join(self.piece() for _ in range(self.dice.choice([0, 1, 1, 1, 2, 3])))

    def pair(self) -> PlainPair:
        dice = self.dice
        count = dice.choice([1, 1, 1, 3, 3, 5])
        roles = [("user", "assistant")[at % 2] for at in range(count)]
        if dice.random() < 0.3:
            roles.insert(0, "system")
        if dice.random() < 0.1:
            roles = [dice.choice(["user", "assistant", "system", "tool"]) for _ in roles]
        contents = tuple(self.content() for _ in roles)
        return PlainPair(tuple(roles), contents, self.content(), self.content())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_of_trl_are_rendered_as_by_jinja(path: Path) -> None:
    source = path.read_text()
    template, adversary = template_of(source), Adversary(source)
    segments = SegmentedTemplate(template)
    for _ in range(ROWS):
        pair = adversary.pair()
        assert by_segments(segments, pair) == by_jinja(template, pair), pair


PLAIN = PlainPair(("user",), ("What is the tallest peak?",), "Everest.", "It is Mont Blanc.")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_most_templates_of_trl_need_no_second_rendering(path: Path) -> None:
    template = template_of(path.read_text())
    segments = SegmentedTemplate(template)
    assert by_segments(segments, PLAIN) == by_jinja(template, PLAIN)
    assert (segments._shapes.get(PLAIN.roles) is None) is (path.stem in NOT_SEGMENTED)


def each(body: str) -> str:
    return (
        "{% for message in messages %}{% set content = message.content %}<"
        + body
        + ">{% endfor %}{% if add_generation_prompt %}:{% endif %}"
    )


TRACED = {
    "written": each("{{ content }}%"),
    "joined": each("{{ message.role ~ ': ' ~ content ~ 1 }}"),
    "added": each("{{ 'a' + content + 'b' }}"),
    "macro": "{% macro show(text) %}[{{ text }}]{% endmacro %}" + each("{{ show(content) | trim }}"),
    "macro tested": "{% macro show(text) %}[{{ text }}]{% endmacro %}"
    + each("{% if 'a[' in 'a' + show(content) %}1{% endif %}"),
    "set block": each("{% set text %}{{ content }}.{% endset %}{{ text }}{{ text.strip('.') }}"),
    "call block": "{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    + each("{% call twice() %}{{ content }}{% endcall %}"),
    "filter block": each("{% filter trim %} {{ content }} {% endfilter %}"),
    "trimmed": each("{{ content | trim }}{{ (' ' + content).lstrip() }}"),
    "stripped": each("{{ content.strip('ab') }}"),
    "looked for": each("{% if 'ab' in content %}1{% endif %}{{ content }}"),
    "looked for in joined": each("{% if 'xaby' in 'x' ~ content ~ 'y' %}1{% endif %}"),
    "not there": each("{% if 'b' not in content and content.startswith('a') %}1{% endif %}"),
    "ends": each("{% if ('<' + content).endswith('aa') or content.startswith('ab') %}1{% endif %}"),
    "split": each("{{ content.split('ab')[-1].lstrip('\\n') }}{{ content.split('ab') | first }}"),
    "split joined": each("{{ ('a' + content + 'b').split('ab') | length }}"),
    "replaced": each("{{ content.replace('ab', '-') }}"),
    "equal": each("{% if content == 'ab' %}1{% elif content != 'a' %}2{% endif %}"),
    "in a list": each("{% if content in ['a', 'ab'] %}1{% endif %}"),
    "truth": each("{{ content or 'none' }}{% if not content %}0{% endif %}"),
    "default": each("{{ content | default('x', true) }}{{ content is string }}"),
    "namespace": "{% set ns = namespace(last='') %}"
    + each("{{ ns.last }}{% set ns.last = content %}{{ messages | length }}"),
    "selected by role": "{% for message in messages | selectattr('role', 'equalto', 'user') %}"
    "{{ message.content }}{% endfor %}{{ (messages | rejectattr('role', 'eq', 'user') | list | last).content }}",
    "selected by content": "{{ (messages | selectattr('content', 'equalto', 'ab') | list) | length }}"
    "{{ (messages | selectattr('content') | first).content }}",
    "not in order": "{{ messages[-1].content }}{{ messages[0].content }}%d",
    "unused": "{{ messages | length }}",
}  # fmt: skip
REFUSED = {
    "in a text": each("{% if content in 'ab a' %}1{% endif %}"),
    "equal to joined": each("{% if 'a' ~ content == 'ab' %}1{% endif %}"),
    "length": each("{% if content | length > 2 %}1{% endif %}"),
    "characters": each("{{ content[0] }}{{ content[:2] }}"),
    "letters": each("{% for letter in content %}{{ letter }}.{% endfor %}"),
    "upper case": each("{{ content | upper }}{{ content.title() }}"),
    "format": each("{{ 'a%sb' % content }}"),
    "format of several": each("{{ '%s-%s' % (content, 1) }}"),
    "format method": each("{{ '{}'.format(content) }}"),
    "join": each("{{ [content, 'b'] | join('-') }}{{ '-'.join([content]) }}"),
    "json": each("{{ content | tojson }}{{ message | tojson }}"),
    "escape": "{% autoescape true %}" + each("{{ content }}") + "{% endautoescape %}",
    "escape filter": each("{{ content | e }}"),
    "keys": each("{{ {'a': 1, 'ab': 2}[content] }}"),
    "written list": each("{{ [content] }}"),
    "equal contents": "{% if messages[0].content == messages[-1].content %}1{% endif %}x",
    "equal messages": "{% if {'text': messages[0].content} == {'text': messages[1].content} %}1{% endif %}",
    "order": each("{% if content < 'b' %}1{% endif %}"),
    "times": each("{{ content * 2 }}"),
    "count": each("{{ content.count('a') }}{{ content.find('b') }}"),
    "selected by more": "{{ messages | selectattr('content', 'in', 'ab a') | list | length }}",
    "selected by another": "{{ messages | selectattr('content', 'eq', messages[0].content) | list | length }}",
    "words": each("{{ content.split() | length }}{{ content.splitlines() | length }}"),
    "map": "{{ messages | map(attribute='content') | join }}",
    "sort": "{{ (messages | sort(attribute='content'))[0].content }}",
    "changed": each("{% if loop.changed(content) %}1{% endif %}"),
    "raised": each(
        "{% if content == 'a' %}{{ raise_exception(content) }}{% endif %}{{ content[1:] }}"
    ),
}

contents = st.one_of(
    st.lists(
        st.sampled_from(["a", "b", "ab", "ba", " ", "\n", "x", "y", "<", "]", "%s", ".", "é"]),
        max_size=4,
    ).map("".join),
    st.text(max_size=3),
)
pairs = st.builds(
    lambda roles, texts, chosen, rejected: PlainPair(roles, tuple(texts[: len(roles)]), chosen, rejected),
    st.sampled_from([("user",), ("system", "user"), ("user", "assistant", "user")]),
    st.lists(contents, min_size=3, max_size=3),
    contents,
    contents,
)  # fmt: skip


@pytest.mark.parametrize("name", [*TRACED, *REFUSED])
def test_an_operation_is_traced_exactly_or_refused(name: str) -> None:
    template = template_of({**TRACED, **REFUSED}[name])
    segments = SegmentedTemplate(template)
    by_segments(segments, PLAIN)
    by_segments(segments, PLAIN._replace(roles=("system", "user"), prompt=("Hello.", "Who?")))
    if name in REFUSED:
        assert segments._shapes[("system", "user")] is None
        return

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(pairs)
    def check(pair: PlainPair) -> None:
        assert by_segments(segments, pair) == by_jinja(template, pair)

    check()
    assert None not in segments._shapes.values()


def test_a_time_that_a_template_writes_is_the_same_in_all_rows() -> None:
    template = template_of(each("{{ strftime_now('%d %b %Y %H:%M:%S.%f') }} {{ content }}"))
    segments = SegmentedTemplate(template)
    first, again = by_segments(segments, PLAIN), by_segments(segments, PLAIN)
    assert first == again == by_jinja(template, PLAIN)
    assert segments._shapes[PLAIN.roles] is not None


def test_a_pair_with_tools_or_more_than_plain_messages_is_left_to_jinja() -> None:
    """Templates write tools, calls and reasoning in places that a trace of contents does not know."""
    question = [{"role": "user", "content": "What is the weather?"}]
    answers = [[{"role": "assistant", "content": text}] for text in ("Fine.", "Bad.")]
    plain = PreferencePair(question, *answers, format="conversational")
    tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    called = [{**answers[0][0], "tool_calls": [tool]}]
    reasoned = [{**answers[0][0], "reasoning_content": "It may rain."}]
    assert PlainPair.of(plain) is not None
    for pair in (
        replace(plain, tools=[tool]), replace(plain, chosen=called), replace(plain, chosen=reasoned),
        replace(plain, chosen=[*answers[0], *question, *answers[0]]),
    ):  # fmt: skip
        assert PlainPair.of(pair) is None


def test_a_template_that_varies_is_left_to_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments that render the first row of a shape differently are not used, whatever the reason."""
    template = template_of(TRACED["written"])
    segments = SegmentedTemplate(template)
    trace = template.trace
    monkeypatch.setattr(template, "trace", lambda messages, *, ask: "<" + trace(messages, ask=ask))
    assert by_segments(segments, PLAIN) == by_jinja(template, PLAIN)
    assert segments._shapes == {("user",): None}
