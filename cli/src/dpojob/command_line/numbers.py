"""Numbers of the command line, with what to write instead of another text."""

from __future__ import annotations

import typer


def whole_number(text: str) -> int:
    """Reads a whole number.

    Args:
        text: What the user wrote.

    Returns:
        The number.

    Raises:
        typer.BadParameter: The text is not a whole number.
    """
    try:
        return int(text)
    except ValueError as error:
        raise typer.BadParameter(_no_number(text, "int_type", "a whole number")) from error


def number(text: str) -> float:
    """Reads a number.

    Args:
        text: What the user wrote, such as "5e-6".

    Returns:
        The number.

    Raises:
        typer.BadParameter: The text is not a number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(_no_number(text, "float_type", "a number")) from error


def _no_number(text: str, kind: str, what: str) -> str:
    # Imported here, since it imports pydantic.
    from dpojob_api.manifest import number_instead_of

    advice = (number_instead_of(kind, text) or "").removesuffix(", without quotes")
    return f"{text} is not {what}" + (f": {advice}" if advice else "")
