"""Views of an inspection report: the validity, the problems, a suggestion, and the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import escape, format_value, shorten
from dpojob_api.quantity import format_count
from dpojob_api.report import (
    InspectionReport,
    Lengths,
    ModelFacts,
    Problem,
    Quality,
    Suggestion,
    Suspects,
)

EXAMPLES_SHOWN = 2
"""Rows shown under each problem."""
MESSAGE_LIMIT = 1200
"""Characters of a problem's message that are shown."""
FILES_SHOWN = 5
"""Names of skipped files that are shown."""

ExampleRows = Mapping[tuple[str | None, int], Mapping[str, Any]]
"""(split that a problem names, row number in it) to the row."""


def report_view(report: InspectionReport, examples: ExampleRows) -> RenderableType:
    """Shows a whole report.

    Args:
        report: The report.
        examples: The rows that its problems name, as far as they could be read.

    Returns:
        The validity, the problems with their rows, the suggestion, and the statistics.
    """
    parts: list[RenderableType] = [validity_line(report)]
    for problem in sorted(
        report.problems, key=lambda problem: (problem.severity != "error", -problem.rows)
    ):
        parts += [Text(), *_problem(problem, examples)]
    for group in report.suspects:
        parts += [Text(), *_suspects(group)]
    if (text := suggested_yaml(report.suggestion)) is not None:
        parts += [Text(), Text("Add to the job:", style="bold"), Text(text.rstrip(), style="cyan")]
    parts += [Text(), _facts(report)]
    if report.lengths is not None:
        parts += [Text(), _lengths(report.lengths)]
    return Group(*parts)


def validity_line(report: InspectionReport) -> Text:
    """Summarizes a report in one line.

    Args:
        report: The report.

    Returns:
        Whether it is valid, the source, and the numbers of rows, errors and warnings.
    """
    style = "bold green" if report.valid else "bold red"
    text = Text("VALID" if report.valid else "INVALID", style=style)
    rows = "1 row" if report.rows == 1 else f"{report.rows:,} rows"
    if report.valid_rows != report.rows and report.format != "unknown":
        rows += f", {report.valid_rows:,} of them valid"
    if report.dropped_rows:
        kinds = ", ".join(f"{count:,} {code}" for code, count in sorted(report.dropped.items()))
        rows += f", {report.dropped_rows:,} left out" + (f" ({kinds})" if kinds else "")
    text.append(f"  {escape(report.source)}: {rows}", style="not bold default")
    errors, warnings = len(report.errors), len(report.warnings)
    if errors or warnings:
        text.append(
            f"; {plural(errors, 'error')}, {plural(warnings, 'warning')}", "not bold default"
        )
    return text


def plural(count: int, noun: str) -> str:
    """Formats a count with its noun.

    Args:
        count: How many.
        noun: The noun in the singular.

    Returns:
        Such as "1 error" or "2 errors".
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _problem(problem: Problem, examples: ExampleRows) -> list[RenderableType]:
    style = "red" if problem.severity == "error" else "yellow"
    head = Text(f"{problem.severity} ", style=style)
    head.append(problem.code.value, style="bold")
    if problem.rows:
        head.append(f"  {plural(problem.rows, 'row')}", style="not bold default")
    parts: list[RenderableType] = [head]
    if problem.message:
        parts.append(Text("  " + shorten(problem.message, MESSAGE_LIMIT)))
    for number in problem.examples[:EXAMPLES_SHOWN]:
        parts += _example(number, problem.split, examples.get((problem.split, number)))
    return parts


def _suspects(group: Suspects) -> list[RenderableType]:
    head = Text("suspect ", style="yellow")
    head.append(group.kind.value, style="bold")
    if group.rows:
        head.append(f"  {plural(group.rows, 'row')}", style="not bold default")
    parts: list[RenderableType] = [head, Text("  " + shorten(group.message, MESSAGE_LIMIT))]
    if group.examples:
        numbers = ", ".join(map(str, group.examples))
        parts.append(Text(f"  row {numbers}", style="dim"))
    return parts


def _example(number: int, split: str | None, row: Mapping[str, Any] | None) -> list[RenderableType]:
    of_split = "" if split is None else f" of {escape(split)}"
    lines: list[RenderableType] = [Text(f"  row {number}{of_split}", style="dim")]
    width = max((len(str(column)) for column in row), default=0) if row else 0
    for column, value in (row or {}).items():
        line = Text(f"    {escape(str(column))[:40]:<{min(width, 40)}}  ", style="dim")
        lines.append(line.append(format_value(value, 100), style="not dim default"))
    return lines


def suggested_yaml(suggestion: Suggestion | None) -> str | None:
    """Formats a suggestion as YAML.

    Args:
        suggestion: The report's suggestion.

    Returns:
        What to add to the job, from `spec` down; None where there is nothing to add.
    """
    if suggestion is None:
        return None
    spec = suggestion.spec()
    if not spec:
        return None
    text: str = yaml.safe_dump({"spec": spec}, sort_keys=False, allow_unicode=True)
    return text


def _facts(report: InspectionReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")

    def row(name: str, value: str) -> None:
        if value:
            table.add_row(name, Text(escape(value)))

    used = {
        field: columns if isinstance(columns, str) else " + ".join(columns)
        for field, columns in report.mapping.wire().items()
    }
    if report.files_left_out:
        shown = ", ".join(report.files_left_out[:FILES_SHOWN])
        more = len(report.files_left_out) - FILES_SHOWN
        shown += f" and {more:,} more" if more > 0 else ""
        row("not read", f"{shown}: they name no split, and other files do")
    row("columns", ", ".join(report.columns))
    row("read as", ", ".join(f"{field} from {column}" for field, column in used.items()))
    layout: str = report.format
    if report.preset != "none":
        layout += f", recognised as {report.preset}"
    if report.implicit_prompt:
        layout += ", prompt taken from the answers' common start"
    row("format", layout)
    if report.valid:
        row("pairs", f"{report.train_rows:,} to train on, {report.eval_rows:,} held out")
        row("quality", quality_line(report.quality))
    if report.model is not None:
        row("model", model_line(report.model))
    row("revision", report.revision or "")
    return table


def quality_line(quality: Quality) -> str:
    """Formats the dataset's quality statistics.

    Args:
        quality: The statistics.

    Returns:
        One line.
    """
    return (
        f"{quality.duplicate_rows:,} duplicates, {quality.contradictory_pairs:,} contradictory, "
        f"{quality.eval_overlap:,} held-out pairs among the training pairs; chosen is the longer "
        f"answer in {quality.chosen_longer_share:.0%}; {quality.truncated_share:.1%} are cut"
    )


def model_line(facts: ModelFacts) -> str:
    """Formats the model's facts.

    Args:
        facts: The facts.

    Returns:
        One line.
    """
    parts = [facts.source, f"{facts.parameters:,} parameters ({format_count(facts.parameters)})"]
    parts += [part for part in (facts.architecture, facts.dtype, facts.quantization) if part]
    if facts.experts:
        parts.append(f"{facts.experts} experts, {format_count(facts.active_parameters)} active")
    if facts.context_length:
        parts.append(f"context {facts.context_length:,}")
    if facts.adapter:
        parts.append(f"adapter of rank {facts.adapter_rank} on {facts.base_model}")
    parts.append("chat template" if facts.chat_template else "no chat template")
    return ", ".join(part for part in parts if part)


def _lengths(lengths: Lengths) -> RenderableType:
    table = Table(f"length in {lengths.unit}", box=None, padding=(0, 2), header_style="dim")
    for name in ("half up to", "95%", "99%", "longest", "mean"):
        table.add_column(name, justify="right")
    by_part = {
        "prompt": lengths.prompt, "chosen": lengths.chosen, "rejected": lengths.rejected,
        "prompt + longer answer": lengths.longest,
    }  # fmt: skip
    for name, percentiles in by_part.items():
        cells = (
            percentiles.p50,
            percentiles.p95,
            percentiles.p99,
            percentiles.max,
            round(percentiles.mean),
        )
        table.add_row(name, *(f"{cell:,}" for cell in cells))
    if not lengths.max_length_for_95:
        return table
    advice = (
        f"maxLength {lengths.max_length_for_95:,} keeps 95% of the pairs whole, "
        f"{lengths.max_length_for_99:,} keeps 99%"
    )
    return Group(table, Text(advice, style="dim"))
