"""The same step with and without one setting: mask, shared prefixes, the allocator's segments, a T4's memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.measurements.grid import rehearsed
from bench.gpu.models import MODELS, device, facts_of, fields_of
from bench.gpu.step import RANK, StepCase, measure_steps

SECONDS = 40.0
CASE = StepCase("qwen2.5-1.5b", "lora", 4, 1024)
CAP_GIB = 14.6
"""What CUDA offers of a T4's 16 GiB."""
LARGEST_BATCH = 16


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """Both sides of each comparison, and the cap."""
    return {
        Cell("ablation", "mask-on", SECONDS): partial(_step, masked=True),
        Cell("ablation", "mask-off", SECONDS): _without_mask,
        Cell("ablation", "expandable-segments-on", SECONDS): partial(_allocator, expandable=True),
        Cell("ablation", "expandable-segments-off", SECONDS): partial(_allocator, expandable=False),
        Cell("ablation", "prefixes-shared", SECONDS): partial(_prefixes, shared=True),
        Cell("ablation", "prefixes-twice", SECONDS): partial(_prefixes, shared=False),
        Cell("ablation", "cap-14.6-gib", SECONDS): _capped,
    }


def _step(context: Context, case: StepCase = CASE, *, masked: bool = False) -> dict[str, Any]:
    return measure_steps(context, rehearsed(case) if context.rehearsal else case, masked=masked)


def _without_mask(context: Context) -> dict[str, Any]:
    backbone = MODELS.get(CASE.shape, CASE.method, context.rehearsal).model

    def drop(_module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "attention_mask": None}

    hook = backbone.register_forward_pre_hook(drop, with_kwargs=True)
    try:
        return _step(context)
    finally:
        hook.remove()


def _prefixes(context: Context, shared: bool) -> dict[str, Any]:
    """A step whose prompts are three quarters of each row.

    `sharedPrefixes` of the result is false where the first batch differed by more than is tolerated.
    """
    case = replace(CASE, prompt_share=0.75, shared_prefixes=shared)
    try:
        return _step(context, case)
    finally:
        # The hooks of shared prefixes stay on their model.
        MODELS.clear()


def _allocator(context: Context, expandable: bool) -> dict[str, Any]:
    import torch

    if device() == "cpu":
        return _step(context)
    # Segments that exist keep their kind, so the model is built anew.
    MODELS.clear()
    torch.cuda.memory._set_allocator_settings(f"expandable_segments:{expandable}")
    try:
        return _step(context)
    finally:
        MODELS.clear()
        torch.cuda.memory._set_allocator_settings("expandable_segments:True")


def _capped(context: Context) -> dict[str, Any]:
    """The largest batch that a plan would take on a card of CAP_GIB, within that memory."""
    case, predicted = _planned(context)
    with memory_cap(CAP_GIB):
        found = _step(context, case)
    return {**found, "capGiB": CAP_GIB, "predictedGiB": predicted}


def _planned(context: Context) -> tuple[StepCase, float]:
    from dpojob_planner.estimates import (
        MEMORY_MARGIN,
        DeviceSettings,
        estimate_memory,
        infer_model_shape,
    )

    shape = infer_model_shape(facts_of(fields_of(CASE.shape, context.rehearsal)))
    pairs = LARGEST_BATCH
    while True:
        settings = DeviceSettings(
            method="lora", pairs=pairs, length=CASE.length, checkpointing=False,
            accumulated=False, rank=RANK,
        )  # fmt: skip
        needed = estimate_memory(shape, settings).total_gib
        if needed <= (1 - MEMORY_MARGIN) * CAP_GIB or pairs == 1:
            return StepCase(CASE.shape, "lora", pairs, CASE.length), needed
        pairs //= 2


@contextmanager
def memory_cap(gib: float) -> Iterator[None]:
    """Lets torch allocate no more than this of the card; without effect on the CPU."""
    import torch

    if device() == "cpu":
        yield
        return
    MODELS.clear()
    total = torch.cuda.get_device_properties(0).total_memory / (1 << 30)
    torch.cuda.set_per_process_memory_fraction(min(1.0, gib / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
