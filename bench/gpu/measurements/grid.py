"""A grid of steps: their time and memory, from which `bench.gpu.fit` takes the planner's constants."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.step import StepCase, measure_steps

SECONDS = 30.0
CASES = (
    StepCase("qwen2.5-0.5b", "full", 4, 512),
    StepCase("qwen2.5-0.5b", "full", 4, 1024),
    StepCase("qwen2.5-0.5b", "full", 4, 1024, checkpointing=True),
    StepCase("qwen2.5-0.5b", "full", 4, 1024, precompute=True),
    StepCase("qwen2.5-0.5b", "full", 8, 1024, checkpointing=True, precompute=True),
    StepCase("qwen2.5-1.5b", "lora", 1, 512),
    StepCase("qwen2.5-1.5b", "lora", 4, 512),
    StepCase("qwen2.5-1.5b", "lora", 4, 1024),
    StepCase("qwen2.5-1.5b", "lora", 4, 1024, checkpointing=True),
    StepCase("qwen2.5-1.5b", "lora", 4, 1024, precompute=True),
    StepCase("qwen2.5-1.5b", "lora", 8, 1024, checkpointing=True, precompute=True),
    StepCase("qwen2.5-7b", "lora", 1, 512),
    StepCase("qwen2.5-7b", "lora", 2, 1024, checkpointing=True),
    StepCase("qwen2.5-7b", "lora", 4, 1024, checkpointing=True),
    StepCase("qwen2.5-7b", "lora", 2, 1024, checkpointing=True, precompute=True),
    StepCase("qwen2.5-7b", "qlora", 1, 512),
    StepCase("qwen2.5-7b", "qlora", 2, 1024, checkpointing=True),
    StepCase("qwen2.5-7b", "qlora", 4, 1024, checkpointing=True),
    StepCase("qwen2.5-7b", "qlora", 2, 1024, checkpointing=True, precompute=True),
)
"""Neighbours share a model. Cells that do not fit a card are recorded as failed."""


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """One cell for each case; the rehearsal has rows of a thirty-second of the length."""
    return {Cell("grid", case.key, SECONDS): partial(_measure, case=case) for case in CASES}


def _measure(context: Context, case: StepCase) -> dict[str, Any]:
    return measure_steps(context, rehearsed(case) if context.rehearsal else case)


def rehearsed(case: StepCase) -> StepCase:
    """The case with short rows."""
    return replace(case, length=case.length // 32)
