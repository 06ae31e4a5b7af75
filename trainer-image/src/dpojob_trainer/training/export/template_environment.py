"""The Jinja environment of the documents beside a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from .markdown import escaped


def template_environment(package: str, filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Make the environment of a package's templates, which escapes all values, in HTML and in Markdown.

    Args:
        package: The package whose directory `templates` holds them.
        filters: Further filters, by name.

    Returns:
        The environment.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=lambda name: name is not None and ".html" in name,
        finalize=_escape_in_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters)
    return environment


def figure(value: float | None) -> str:
    """Write a number of a document, rounded to three digits.

    Args:
        value: The number; None where there is none.

    Returns:
        The number, or a dash.
    """
    return "–" if value is None else f"{value:.3g}"


@pass_eval_context
def _escape_in_markdown(context: EvalContext, value: Any) -> Any:
    """Escape a value for Markdown, unless it is escaped already or Jinja escapes it for HTML."""
    return value if context.autoescape or isinstance(value, Markup) else escaped(value)
