"""Loads YAML files as Kubernetes does, and keeps the line of every value for error messages."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dpojob.errors import CommandError
from dpojob_api.manifest import Manifest, ManifestError, ManifestProblem, load_all

from .near_path import did_you_mean_path
from .yaml_advice import advice

Lines = Mapping[tuple[str | int, ...], int]
"""Path of a value, such as ("spec", "dataset", "urls", 0), to its line."""


class _Loader(yaml.SafeLoader):
    """Resolves scalars as kubectl's parser does: no dates, no base 60, and 5e-6 is a number."""


_NUMBER_START = list("-+0123456789.")
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":int"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F]+|0o?[0-7]+)$"),
    _NUMBER_START,
)  # fmt: skip
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    _NUMBER_START,
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One YAML document.

    Attributes:
        value: Its parsed value.
        lines: Path of each part to the line where it begins, counted from 1.
    """

    value: Any
    lines: Lines


MAX_VALUES = 100_000
"""The most values in one document with its aliases expanded; guards against alias bombs."""


def parse_documents(text: str) -> Iterator[Document]:
    """Parses a YAML text.

    Args:
        text: Any number of documents.

    Yields:
        Each document.

    Raises:
        ManifestError: The text is not YAML, repeats a key, or is too deep or too large.
    """
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node() returned true.
            lines: dict[tuple[str | int, ...], int] = {}
            _record_lines(node, (), lines)
            yield Document(loader.construct_document(node), lines)
    except ManifestError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = f"line {mark.line + 1}: " if mark else ""
        explanation = advice(error, text)
        raise ManifestError(
            [ManifestProblem(f"{location}not YAML: {error.problem}{explanation}")]
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = f"U+{ord(text[error.position]):04X}"
        raise ManifestError(
            [ManifestProblem(f"line {line}: not YAML: the character {code}")]
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestError([ManifestProblem(f"not YAML: {error}")]) from error
    except RecursionError as error:
        raise ManifestError([ManifestProblem("not a manifest: it is nested too deeply")]) from error


def _record_lines(
    node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]
) -> None:
    lines[path] = node.start_mark.line + 1
    if len(lines) > MAX_VALUES:
        raise ManifestError(
            [ManifestProblem(f"not a manifest: it has more than {MAX_VALUES:,} values")]
        )
    if isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            _record_lines(child, (*path, position), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            inner = (*path, str(key.value))
            if inner in lines:
                problem = f"line {key.start_mark.line + 1}: {key.value} is given twice"
                raise ManifestError([ManifestProblem(problem)])
            _record_lines(child, inner, lines)
            lines[inner] = key.start_mark.line + 1


def read_text(file: str) -> str:
    """Reads a text file.

    Args:
        file: Its path; "-" is standard input.

    Returns:
        The text, without a byte order mark.

    Raises:
        CommandError: The file does not exist, cannot be read, or is not UTF-8.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CommandError(f"{file}: no such file{did_you_mean_path(Path(file))}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error


def read_manifest(file: str) -> Manifest:
    """Reads the job and the pools in a file.

    Args:
        file: Its path; "-" is standard input.

    Returns:
        The validated manifest.

    Raises:
        CommandError: The file cannot be read or is invalid; lists every problem with its line.
    """
    text = read_text(file)
    documents: list[Document] = []
    try:
        documents.extend(parse_documents(text))
        return load_all(document.value for document in documents)
    except ManifestError as error:
        name = "standard input" if file == "-" else file
        ordered = sorted(
            error.problems,
            key=lambda problem: (problem.document, _line_of(documents, problem) or 0),
        )
        problems = [f"  {_line_prefix(documents, problem)}{problem.message}" for problem in ordered]
        raise CommandError("\n".join([f"{name} is not a valid manifest:", *problems])) from error


def _line_of(documents: list[Document], problem: ManifestProblem) -> int | None:
    if problem.document >= len(documents) or not problem.path:
        return None
    lines, path = documents[problem.document].lines, problem.path
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _line_prefix(documents: list[Document], problem: ManifestProblem) -> str:
    line = _line_of(documents, problem)
    return "" if line is None else f"line {line}: "
