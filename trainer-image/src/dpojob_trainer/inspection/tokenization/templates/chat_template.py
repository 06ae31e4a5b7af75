"""Renders chat templates as transformers does, in a sandbox and over plain data only.

Jinja is imported with the first template that is needed: texts that are no conversations need none.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dpojob_trainer.inspection.model import TokenizerConfig
from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE, Message

if TYPE_CHECKING:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

REASONING = ("reasoning_content", "thinking", "reasoning")


class TemplateRenderError(ValueError):
    """The template cannot render a conversation; the text is the template's message."""


class ChatTemplate:
    """The templates of one tokenizer.

    Args:
        config: The tokenizer's configuration: the sources of its chat templates and its special tokens.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        self._config = config
        self._compiled: dict[str, jinja2.Template] = {}
        self._now = datetime.now()
        """The time that templates write: one for all rows, so that the texts of a pair begin alike."""

    @cached_property
    def _environment(self) -> ImmutableSandboxedEnvironment:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        from .template_environment import make_environment

        return make_environment(ImmutableSandboxedEnvironment, self._now)

    @cached_property
    def _traced(self) -> jinja2.Template:
        from .template_environment import make_environment
        from .template_tracing import TracingEnvironment

        environment = make_environment(TracingEnvironment, self._now)
        environment.restrict()
        return environment.traced_template(self.sources[False])

    @property
    def sources(self) -> list[str]:
        """The source texts of the templates, without and with tools."""
        return [self._config.template(tools) or FALLBACK_CHAT_TEMPLATE for tools in (False, True)]

    def compile(self) -> None:
        """Compile the templates that the tokenizer has.

        Raises:
            TemplateRenderError: A template is not valid Jinja.
        """
        for tools in (False, True):
            if source := self._config.template(tools):
                self._template(source)

    def _template(self, source: str) -> jinja2.Template:
        import jinja2

        if source not in self._compiled:
            try:
                self._compiled[source] = self._environment.from_string(source)
            except jinja2.TemplateError as problem:
                raise TemplateRenderError(
                    f"it is not valid Jinja: {_first_line(problem)}"
                ) from None
        return self._compiled[source]

    def render(
        self, messages: list[Message], tools: list[Any] | None = None, *, ask: bool = False
    ) -> str:
        """Render a conversation.

        Args:
            messages: The messages.
            tools: The tools that the assistant may call.
            ask: Whether the text ends where the assistant's next answer begins.

        Returns:
            The text.

        Raises:
            TemplateRenderError: The template rejects the conversation; the text is its message.
        """
        import jinja2

        template = self._template(self.sources[bool(tools)])
        if any(len(message) > 2 for message in messages):
            messages = [_with_reasoning(message) for message in messages]
        try:
            return template.render(
                messages=messages,
                tools=tools or None,
                documents=None,
                add_generation_prompt=ask,
                **self._config.special,
            )
        except jinja2.TemplateError as problem:
            raise TemplateRenderError(_first_line(problem)) from None
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as problem:
            raise TemplateRenderError(_first_line(problem)) from None
        except (RecursionError, OverflowError, ArithmeticError, MemoryError) as problem:
            raise TemplateRenderError(_first_line(problem)) from None

    def trace(self, messages: list[Message], *, ask: bool) -> str:
        """Render messages whose contents are `TracedText`.

        Args:
            messages: Messages of a role and a content each.
            ask: Whether the text ends where the assistant's next answer begins.

        Returns:
            The text, traced unless it holds no content.

        Raises:
            Exception: The template refuses the messages, or does with a content what cannot be traced
                (`NotTraceable`).
        """
        return self._traced.render(
            messages=messages,
            tools=None,
            documents=None,
            add_generation_prompt=ask,
            **self._config.special,
        )


def _with_reasoning(message: Message) -> Message:
    found = next((message[key] for key in REASONING if message.get(key) is not None), None)
    return message if found is None else {"thinking": found, **message, "reasoning_content": found}


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return (lines[0] if lines else type(problem).__name__)[:160]
