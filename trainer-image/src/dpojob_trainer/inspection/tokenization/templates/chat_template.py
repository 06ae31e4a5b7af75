"""Renders chat templates as transformers does, in a sandbox and over plain data only."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dpojob_trainer.inspection.model import TokenizerConfig
from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE, Message

from .template_tracing import TracingEnvironment

Kind = TypeVar("Kind", bound=ImmutableSandboxedEnvironment)
REASONING = ("reasoning_content", "thinking", "reasoning")


class TemplateRenderError(ValueError):
    """The template cannot render a conversation; the text is the template's message."""


class ChatTemplate:
    """The templates of one tokenizer."""

    def __init__(self, config: TokenizerConfig) -> None:
        self._config = config
        self._compiled: dict[str, jinja2.Template] = {}
        self._now = datetime.now()
        """The time that templates write: one for all rows, so that the texts of a pair begin alike."""

    @cached_property
    def _environment(self) -> ImmutableSandboxedEnvironment:
        return _environment(ImmutableSandboxedEnvironment, self._now)

    @cached_property
    def _traced(self) -> jinja2.Template:
        environment = _environment(TracingEnvironment, self._now)
        environment.restrict()
        return environment.traced_template(self.sources[False])

    @property
    def sources(self) -> list[str]:
        """The source texts of the templates, without and with tools."""
        return [self._config.template(tools) or FALLBACK_CHAT_TEMPLATE for tools in (False, True)]

    def compile(self) -> None:
        """Compile the templates.

        Raises:
            TemplateRenderError: A template is not valid Jinja.
        """
        for source in self.sources:
            self._template(source)

    def _template(self, source: str) -> jinja2.Template:
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


def _environment(kind: type[Kind], now: datetime) -> Kind:
    """The environment of transformers, without templates that are loaded by name."""
    environment = kind(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = now.strftime
    return environment


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks the assistant's text; it changes nothing that is rendered."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _with_reasoning(message: Message) -> Message:
    found = next((message[key] for key in REASONING if message.get(key) is not None), None)
    return message if found is None else {"thinking": found, **message, "reasoning_content": found}


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return (lines[0] if lines else type(problem).__name__)[:160]
