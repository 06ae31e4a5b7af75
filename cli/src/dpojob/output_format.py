"""The forms in which commands print what they found: `-o table|json|yaml|name`."""

from __future__ import annotations

from enum import StrEnum


class OutputFormat(StrEnum):
    """Form of standard output."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class DocumentFormat(StrEnum):
    """Form of standard output of commands that print no object of a cluster."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
