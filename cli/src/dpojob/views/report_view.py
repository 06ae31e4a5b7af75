"""How an inspection report is shown to a person: verdict first, then what to do, then the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import shorten, show_value, visible
from dpojob_api.quantity import format_count
from dpojob_api.report import InspectionReport, Lengths, ModelFacts, Problem, Quality, Suggestion

EXAMPLES_SHOWN = 2
"""Rows shown under each problem."""
MESSAGE_LIMIT = 1200
FILES_SHOWN = 5

Examples = Mapping[tuple[str | None, int], Mapping[str, Any]]
"""A problem's split and a row number there, to the row's own columns."""


def view(report: InspectionReport, examples: Examples) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [verdict(report)]
    for problem in sorted(report.problems, key=lambda p: (p.severity != "error", -p.rows)):
        parts += [Text(), *_problem(problem, examples)]
    if (text := suggested_yaml(report.suggestion)) is not None:
        parts += [Text(), Text("Add to the job:", style="bold"), Text(text.rstrip(), style="cyan")]
    parts += [Text(), _facts(report)]
    if report.lengths is not None:
        parts += [Text(), _lengths(report.lengths)]
    return Group(*parts)


def verdict(report: InspectionReport) -> Text:
    """Valid or not, with how many rows."""
    style = "bold green" if report.valid else "bold red"
    text = Text("VALID" if report.valid else "INVALID", style=style)
    rows = "1 row" if report.rows == 1 else f"{report.rows:,} rows"
    if report.valid_rows != report.rows and report.format != "unknown":
        rows += f", {report.valid_rows:,} of them valid"
    if report.dropped_rows:
        kinds = ", ".join(f"{count:,} {code}" for code, count in sorted(report.dropped.items()))
        rows += f", {report.dropped_rows:,} left out" + (f" ({kinds})" if kinds else "")
    text.append(f"  {visible(report.source)}: {rows}", style="not bold default")
    errors, warnings = len(report.errors), len(report.warnings)
    if errors or warnings:
        text.append(
            f"; {plural(errors, 'error')}, {plural(warnings, 'warning')}", "not bold default"
        )
    return text


def plural(count: int, noun: str) -> str:
    """1 error, 2 errors."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _problem(problem: Problem, examples: Examples) -> list[RenderableType]:
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


def _example(number: int, split: str | None, row: Mapping[str, Any] | None) -> list[RenderableType]:
    where = "" if split is None else f" of {visible(split)}"
    lines: list[RenderableType] = [Text(f"  row {number}{where}", style="dim")]
    width = max((len(str(column)) for column in row), default=0) if row else 0
    for column, value in (row or {}).items():
        line = Text(f"    {visible(str(column))[:40]:<{min(width, 40)}}  ", style="dim")
        lines.append(line.append(show_value(value, 100), style="not dim default"))
    return lines


def suggested_yaml(suggestion: Suggestion | None) -> str | None:
    """What to add to the job, as YAML from `spec` down, or None."""
    if suggestion is None:
        return None
    dataset = {key: value for key, value in suggestion.wire().items() if value}
    if not dataset:
        return None
    text: str = yaml.safe_dump({"spec": {"dataset": dataset}}, sort_keys=False, allow_unicode=True)
    return text


def _facts(report: InspectionReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")

    def row(name: str, value: str) -> None:
        if value:
            table.add_row(name, Text(visible(value)))

    used = {field: column for field, column in report.mapping.wire().items() if column}
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
        row("quality", quality(report.quality))
    if report.model is not None:
        row("model", model(report.model))
    row("revision", report.revision or "")
    return table


def quality(figures: Quality) -> str:
    """One line."""
    return (
        f"{figures.duplicate_rows:,} duplicates, {figures.contradictory_pairs:,} contradictory, "
        f"{figures.eval_overlap:,} held-out pairs among the training pairs; chosen is the longer "
        f"answer in {figures.chosen_longer_share:.0%}; {figures.truncated_share:.1%} are cut"
    )


def model(facts: ModelFacts) -> str:
    """One line."""
    said = [facts.source, f"{facts.parameters:,} parameters ({format_count(facts.parameters)})"]
    said += [part for part in (facts.architecture, facts.dtype, facts.quantization) if part]
    if facts.experts:
        said.append(f"{facts.experts} experts, {format_count(facts.active_parameters)} active")
    if facts.context_length:
        said.append(f"context {facts.context_length:,}")
    if facts.adapter:
        said.append(f"adapter of rank {facts.adapter_rank} on {facts.base_model}")
    said.append("chat template" if facts.chat_template else "no chat template")
    return ", ".join(part for part in said if part)


def _lengths(lengths: Lengths) -> RenderableType:
    table = Table(f"length in {lengths.unit}", box=None, padding=(0, 2), header_style="dim")
    for name in ("half up to", "95%", "99%", "longest", "mean"):
        table.add_column(name, justify="right")
    named = {
        "prompt": lengths.prompt, "chosen": lengths.chosen, "rejected": lengths.rejected,
        "prompt + longer answer": lengths.longest,
    }  # fmt: skip
    for name, found in named.items():
        figures = (found.p50, found.p95, found.p99, found.max, round(found.mean))
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    if not lengths.max_length_for_95:
        return table
    keeps = (
        f"maxLength {lengths.max_length_for_95:,} keeps 95% of the pairs whole, "
        f"{lengths.max_length_for_99:,} keeps 99%"
    )
    return Group(table, Text(keeps, style="dim"))
