"""The Jinja environment in which transformers renders chat templates."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, TypeVar

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

Kind = TypeVar("Kind", bound=ImmutableSandboxedEnvironment)


def make_environment(kind: type[Kind], now: datetime) -> Kind:
    """Make the environment of transformers, without templates that are loaded by name.

    Args:
        kind: The class of the environment.
        now: The time that templates write.

    Returns:
        A new environment.
    """
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
