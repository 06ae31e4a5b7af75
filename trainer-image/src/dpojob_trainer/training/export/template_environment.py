"""The Jinja environment of the documents beside a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader


def template_environment(package: str, filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Make the environment of a package's templates, which escapes all values in HTML.

    Args:
        package: The package whose directory `templates` holds them.
        filters: Further filters, by name.

    Returns:
        The environment.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=lambda name: name is not None and ".html" in name,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters)
    return environment
