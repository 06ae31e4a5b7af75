"""Views of a plan: the chosen pool, the reasons, and a table of every pool considered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import escape
from dpojob_api.plan import Plan, PoolCandidate, Refusal
from dpojob_api.quantity import format_duration, money

MIN_WIDTH_FOR_REASONS = 130
"""The least terminal width, in columns, at which the reasons fit into the table."""
SUITABILITIES = {
    "chosen": ("chosen", "bold green"),
    "fits": ("fits", "green"),
    "tooSmall": ("too small", "red"),
    "noRoom": ("no room", "yellow"),
    "notAllowed": ("not allowed", "dim"),
    "notNamed": ("not named", "dim"),
    "overBudget": ("over budget", "red"),
    "invalid": ("invalid", "red"),
}
"""Label and style by the suitability of a pool."""


def plan_view(plan: Plan) -> RenderableType:
    """Shows a plan.

    Args:
        plan: The plan.

    Returns:
        The pool and method, batch, memory, estimate, reasons, and the table of pools.
    """
    gpus = f"{plan.gpus} GPU" + ("s" if plan.gpus > 1 else "")
    nodes = f" on {plan.nodes} nodes" if plan.nodes > 1 else ""
    method = plan.method + (" with 8-bit AdamW" if plan.optimizer == "adamw_8bit" else "")
    head = Text.assemble((plan.pool, "bold green"), f"  {gpus}{nodes}, {method}, {plan.precision}")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    batch = f"{plan.per_device_batch_size} pairs per GPU"
    if plan.gradient_accumulation > 1:
        batch += f", {plan.gradient_accumulation} accumulated"
    facts.add_row("batch", batch)
    facts.add_row("length", f"{plan.max_length:,} tokens")
    need = plan.memory_gib
    memory = f"{need.needed:.1f} of {need.available:.1f} GiB on each GPU"
    if need.margin:
        memory += f", {need.margin:.1f} left free"
    facts.add_row("memory", memory)
    if need.parts:
        parts = sorted(need.parts.items(), key=lambda part: -part[1])
        memory_parts = ", ".join(f"{name} {gib:.1f}" for name, gib in parts if gib >= 0.05)
        facts.add_row("", Text(memory_parts, style="dim"))
    facts.add_row("estimate", _estimate(plan))
    facts.add_row("output", f"{plan.output_gib} GiB claim")
    if plan.host_memory_gib:
        facts.add_row(
            "pod", f"{plan.host_memory_gib} GiB of main memory, {plan.scratch_gib} GiB of scratch"
        )
    if plan.queued:
        facts.add_row(
            "", Text("no GPU of this pool is free now: the job would wait", style="yellow")
        )
    reasons = [Text(f"- {escape(reason)}") for reason in plan.reasons]
    return Group(head, facts, Text(), *reasons, Text(), PoolTable(plan.considered))


def refusal_view(refusal: Refusal) -> RenderableType:
    """Shows why there is no plan.

    Args:
        refusal: The planner's refusal.

    Returns:
        The reason, and the table of pools with what each lacks.
    """
    head = Text(f"{refusal.reason}: ", style="bold red")
    head.append(escape(refusal.error), style="not bold default")
    return Group(head, Text(), PoolTable(refusal.considered))


def _estimate(plan: Plan) -> str:
    estimate = plan.estimate
    if not estimate.steps:
        return "not known without the dataset's size"
    return (
        f"{estimate.steps:,} steps, {format_duration(estimate.hours * 3600)}, "
        f"{money(estimate.cost)} at {plan.hourly_price} per GPU and hour"
    )


@dataclass(frozen=True)
class PoolTable:
    """Every pool with memory, method, batch, hours, cost and the reason why it suits or not.

    The reasons fill a last column on a wide terminal, and are listed below the table on a narrow one.

    Attributes:
        pools: The pools that the planner considered.
    """

    pools: Sequence[PoolCandidate]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        in_table = options.max_width >= MIN_WIDTH_FOR_REASONS
        yield _table(self.pools, reasons=in_table)
        if not in_table:
            yield Text()
            for pool in self.pools:
                yield Text(f"{escape(pool.pool)}: {escape(pool.reason)}")


def _table(pools: Sequence[PoolCandidate], *, reasons: bool) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in ("pool", "verdict"):
        table.add_column(column, no_wrap=True)
    for column in ("need", "have", "method", "gpus", "batch", "time", "cost"):
        table.add_column(column, justify="right", no_wrap=True)
    if reasons:
        table.add_column("reason", overflow="fold", min_width=30)
    for pool in pools:
        label, style = SUITABILITIES[pool.verdict]
        cells: list[Text | str] = [
            Text(escape(pool.pool)),
            Text(label, style=style),
            _gib(pool.needed),
            _gib(pool.available),
            pool.method or "",
            str(pool.gpus) if pool.method else "",
            str(pool.per_device_batch_size or ""),
            "" if pool.hours is None else format_duration(pool.hours * 3600),
            "" if pool.cost is None else money(pool.cost),
        ]
        table.add_row(*cells, *([Text(escape(pool.reason))] if reasons else []))
    return table


def _gib(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
