"""Advice on a text that is not YAML, for the user who edits it."""

from __future__ import annotations

import re

import yaml

ADVICE = (
    ("'`'", "; remove the lines with ```, which are Markdown's"),
    (
        "unhashable key",
        "; {{ }} is of a template, such as Helm's: render it first, or put the value in quotes",
    ),
    ("'\\t'", "; YAML is indented with spaces: replace the tab by spaces"),
    (
        "mapping values are not allowed",
        "; put the value in quotes where it holds ': ', or align the line with those of its level",
    ),
    (
        "<block end>",
        "; this line is indented otherwise than the lines of its level: give them the same spaces",
    ),
    (
        "could not find expected ':'",
        "; a field is written as name: value, with a space behind the colon",
    ),
    (
        "expected ',' or ']'",
        "; a list that begins with [ ends with ], its entries parted by commas",
    ),
    (
        "expected ',' or '}'",
        "; a mapping that begins with { ends with }, its fields parted by commas",
    ),
    ("unexpected end of stream", "; a quote is opened here and not closed"),
    (
        "that cannot start any token",
        "; put the value in quotes, since it begins with a special character",
    ),
    ("undefined alias", "; put the value in quotes, since it begins with *"),
    ("expected alphabetic or numeric", "; put the value in quotes, since it begins with * or &"),
    ("for the tag '!", "; put the value in quotes, since it begins with !"),
)
"""Part of PyYAML's message to what a person should do about it."""

EQUALS_SIGN = re.compile(r"\s*([A-Za-z][A-Za-z.]*) ?= ?([^=\s].*)")
"""A line such as `beta = 0.1`, as of TOML or Python."""
TIGHT_COLON = re.compile(r"\s*(?:- )?([A-Za-z][A-Za-z]*):([^\s:/].*)")
"""A line such as `beta:0.1`, whose colon has no space behind it; addresses and times do not match."""


def advice(error: yaml.MarkedYAMLError, text: str) -> str:
    """Explains a syntax error.

    Args:
        error: PyYAML's error.
        text: The text that was parsed.

    Returns:
        What to write instead, as the end of a sentence; empty where nothing is known.
    """
    lines = text.splitlines()
    mark = error.problem_mark or error.context_mark
    if mark is not None:
        for number in (mark.line, mark.line - 1):
            if 0 <= number < len(lines) and (found := TIGHT_COLON.fullmatch(lines[number])):
                name, value = found.groups()
                return f"; line {number + 1} has no space behind the colon: write {name}: {value}"
            if 0 <= number < len(lines) and (found := EQUALS_SIGN.fullmatch(lines[number])):
                name, value = found.groups()
                return f"; line {number + 1} has an equals sign for a colon: write {name}: {value}"
    general = next((text for sign, text in ADVICE if sign in str(error.problem)), "")
    return general + _indentation(error, lines)


def _indentation(error: yaml.MarkedYAMLError, lines: list[str]) -> str:
    """How far a line is indented, and how far the lines of its level are."""
    here, level = error.problem_mark, error.context_mark
    if here is None or here.line >= len(lines):
        return ""
    if level is not None and "<block end>" in str(error.problem) and _begins_line(lines, here):
        if here.column == level.column:
            return " (a list's entries begin with a dash, a mapping's fields do not: keep to one of them)"
        widths = [_width(line) for line in lines[level.line : here.line] if line.strip()]
        expected = min((width for width in widths if width > here.column), default=level.column)
        return f" ({_spaces(here.column)} here, {_spaces(expected)} there)"
    if "mapping values" in str(error.problem):
        own = _width(lines[here.line])
        before = next((_width(line) for line in reversed(lines[: here.line]) if line.strip()), own)
        if own > before:
            return f" ({_spaces(own)} here, {_spaces(before)} in the line above)"
    return ""


def _begins_line(lines: list[str], mark: yaml.Mark) -> bool:
    return not lines[mark.line][: mark.column].strip()


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _spaces(count: int) -> str:
    return "no space" if count == 0 else f"{count} space{'s' if count > 1 else ''}"
