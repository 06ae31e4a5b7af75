"""Chat templates as literals between contents, found once for each sequence of roles.

Rendering takes jinja longer than tokenizing takes. Most templates write, for the same roles, the same
literals between the contents, whatever these are. A template is traced with placeholders for the contents
(`template_tracing`); a conversation whose contents meet the conditions of that trace is put together from
the literals, every other one is rendered by jinja.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dpojob_trainer.shared.rows.messages import Message
from dpojob_trainer.shared.rows.preference_pair import PlainPair

from .chat_template import ChatTemplate
from .traced_text import PLACEHOLDERS, Conditions, TracedText

MAX_SHAPES = 4096
"""Sequences of roles that are remembered; the rows of others are rendered by jinja."""
PLACEHOLDER = re.compile(f"([{chr(PLACEHOLDERS.start)}-{chr(PLACEHOLDERS.stop - 1)}])")

Texts = tuple[str, str, str]
"""The prompt, the prompt with chosen, and the prompt with rejected."""


class _Form(NamedTuple):
    """A rendered conversation with holes."""

    text: str
    """A format for `%`, with one `%s` for each content that is written."""
    order: list[int] | None
    """Which contents are written; None for all in order."""

    @classmethod
    def of(cls, traced: str, contents: int) -> _Form:
        pieces = PLACEHOLDER.split(str.__str__(traced))
        literals, order = pieces[::2], [ord(one) - PLACEHOLDERS.start for one in pieces[1::2]]
        text = "%s".join(literal.replace("%", "%%") for literal in literals)
        return cls(text, None if order == list(range(contents)) else order)

    def fill(self, contents: tuple[str, ...]) -> str:
        if self.order is not None:
            contents = tuple(contents[at] for at in self.order)
        return self.text % contents


class _Shape(NamedTuple):
    """A pair's texts for one sequence of roles in the prompt, and one message of the assistant."""

    prompt: _Form
    whole: _Form
    accepts: Callable[[str], bool]

    def texts(self, pair: PlainPair) -> Texts | None:
        """The texts; None where the contents do not meet the conditions."""
        _, prompt, chosen, rejected = pair
        if not all(map(self.accepts, (*prompt, chosen, rejected))):
            return None
        fill = self.whole.fill
        return self.prompt.fill(prompt), fill((*prompt, chosen)), fill((*prompt, rejected))


class SegmentedTemplate:
    """Renders pairs of plain messages from segments where that is exact.

    Args:
        template: The chat template, which is traced once for each sequence of roles and renders the pairs
            that segments do not render exactly.
    """

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._shapes: dict[tuple[str, ...], _Shape | None] = {}

    def render(self, pair: PlainPair) -> Texts:
        """Render a pair.

        Args:
            pair: The pair.

        Returns:
            The same texts as `render_pair` gives.

        Raises:
            TemplateRenderError: The chat template refuses the conversation.
        """
        roles = pair.roles
        shape = self._shapes.get(roles)
        if shape is not None:
            found = shape.texts(pair)
            if found is not None:
                return found
        answers = (pair.chosen, pair.rejected)
        expected = render_pair(self._template, pair.messages(), *map(_answer, answers))
        if roles not in self._shapes and len(self._shapes) < MAX_SHAPES:
            shape = self._trace(roles)
            # The first row of each shape is rendered by both.
            found = None if shape is None else shape.texts(pair)
            self._shapes[roles] = shape if found in (None, expected) else None
        return expected

    def _trace(self, roles: tuple[str, ...]) -> _Shape | None:
        if len(roles) >= len(PLACEHOLDERS):
            return None
        conditions = Conditions()
        contents = [TracedText(chr(at), conditions) for at in PLACEHOLDERS[: len(roles) + 1]]
        prompt = PlainPair(roles, tuple(contents[:-1]), "", "").messages()
        try:
            traced = self._template.trace(prompt, ask=True)
            whole = self._template.trace([*prompt, *_answer(contents[-1])], ask=False)
        except (
            Exception
        ):  # NotTraceable, or whatever the template does with messages that it refuses
            return None
        accepts = conditions.test()
        if not all(accepts(str.__str__(content)) for content in contents):
            return None
        return _Shape(_Form.of(traced, len(roles)), _Form.of(whole, len(roles) + 1), accepts)


def render_pair(
    template: ChatTemplate,
    prompt: list[Message],
    chosen: list[Message],
    rejected: list[Message],
    tools: list[Any] | None = None,
) -> Texts:
    """Render a pair as TRL's DPOTrainer does.

    Args:
        template: The model's chat template.
        prompt: The messages before the answers.
        chosen: The chosen answer.
        rejected: The rejected answer.
        tools: The tools that the assistant may call.

    Returns:
        The prompt up to where the answer begins, the prompt with chosen, and the prompt with rejected.

    Raises:
        TemplateRenderError: The chat template refuses the conversation.
    """
    render = template.render
    return (
        render(prompt, tools, ask=True),
        render(prompt + chosen, tools),
        render(prompt + rejected, tools),
    )


def _answer(content: str) -> list[Message]:
    return [{"role": "assistant", "content": content}]
