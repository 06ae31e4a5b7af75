"""An out-of-memory that is brought about: what it is reported as, and whether a step works after it."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.measurements.ablation import memory_cap
from bench.gpu.measurements.grid import rehearsed
from bench.gpu.models import MODELS, device
from bench.gpu.step import StepCase, measure_steps

CASE = StepCase("qwen2.5-0.5b", "lora", 8, 1024)
CAP_GIB = 4.0
"""Enough for the model and not for the activations."""


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """One cell."""
    return {Cell("out-of-memory", "induced", 60.0): _induced}


def _induced(context: Context) -> dict[str, Any]:
    import torch

    from dpojob_api.conditions import Reason
    from dpojob_trainer.training.loop.memory import describe_peak
    from dpojob_trainer.training.setup.errors import explain

    case = rehearsed(CASE) if context.rehearsal else CASE
    try:
        with memory_cap(CAP_GIB):
            _exceed(context, case)
    except torch.OutOfMemoryError as error:
        failure, described = explain(error), describe_peak()
    else:
        raise RuntimeError(f"a step of {case.key} was possible in {CAP_GIB} GiB")
    MODELS.clear()
    if failure.reason != Reason.OUT_OF_MEMORY:
        raise RuntimeError(f"the trainer reports it as {failure.reason}: {failure.message}")
    after = measure_steps(context, StepCase(case.shape, case.method, 1, case.length), steps=1)
    return {
        "reason": failure.reason,
        "message": failure.message[:500],
        "described": described,
        "secondsOfTheStepAfter": after["stepSeconds"],
    }


def _exceed(context: Context, case: StepCase) -> None:
    import torch
    from trl import DPOTrainer

    if device() == "cuda":
        measure_steps(context, case, steps=1)
        return
    # The CPU has no limit that could be set, so the error comes from the loss instead.
    message = "CUDA out of memory. Tried to allocate 2.00 GiB (rehearsal)"
    with patch.object(DPOTrainer, "compute_loss", side_effect=torch.OutOfMemoryError(message)):
        measure_steps(context, case, steps=1)
