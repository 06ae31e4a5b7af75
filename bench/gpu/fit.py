"""The planner's constants from the measured cells.

Time of a step, as `dpojob_planner.estimates.cost_model` has it, with P passes of T tokens of F FLOPs each
through L layers:

    seconds = P F T a + P F b + P L c        a = 1 / rate, b = half-rate tokens / rate, c = launch cost

which is linear in a, b and c; they are fitted to all cells without 4-bit weights, by relative error, none of
them negative. The QLoRA slowdown is the median ratio of its cells to that fit. Of the memory, which the
planner must not predict too low, high quantiles are taken.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from dpojob_api.report import ModelFacts
from dpojob_planner.estimates import (
    DeviceSettings,
    ModelShape,
    Strategy,
    TrainingOption,
    infer_model_shape,
)
from dpojob_planner.estimates.cost_model import training_passes
from dpojob_planner.estimates.gpu import token_flops

QUANTILE = 0.9
"""The quantile of the fragmentation and of the context over all cells that the fit takes."""
MINIMUM_TRANSIENT_GIB = 0.5
"""Below, the allocator's rounding to blocks is the larger part of what is called fragmentation."""


def fit(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fitted constants by their names in the planner; None with a reason where cells are missing."""
    done = {cell["cell"]: cell["result"] for cell in cells if cell["status"] == "ok"}
    grid = [result for key, result in done.items() if key.startswith("grid/")]
    found: dict[str, Any] = {"cells": len(grid), "missing": []}
    found |= _fit_time(grid, found["missing"])
    found |= _fit_memory(grid, done, found["missing"])
    found["matmulTeraflops"] = _matmul(done, found["missing"])
    return found


def shape_of(result: dict[str, Any]) -> ModelShape:
    """The planner's shape of a grid cell's model."""
    return infer_model_shape(ModelFacts.model_validate(result["facts"]))


def settings_of(result: dict[str, Any]) -> DeviceSettings:
    """The planner's settings of a grid cell: one micro-batch in a step."""
    case = result["case"]
    return DeviceSettings(
        method=case["method"], pairs=case["pairs"], length=case["length"],
        checkpointing=case["checkpointing"], precompute=case["precompute"],
        accumulated=False, rank=result["rank"],
    )  # fmt: skip


def passes_of(result: dict[str, Any]) -> float:
    """The forward passes that a grid cell's step is worth, without the slowdown of 4-bit weights."""
    settings = settings_of(result)
    strategy = Strategy(settings.method, precompute=settings.precompute)
    return training_passes(TrainingOption(strategy, settings, accumulation=1, gpus=1))


def _features(result: dict[str, Any]) -> list[float]:
    """The factors of a, b and c in the time of a cell."""
    shape, settings, passes = shape_of(result), settings_of(result), passes_of(result)
    flops = token_flops(shape, settings.length)
    return [passes * flops * settings.tokens, passes * flops, passes * shape.layers]


def _fit_time(grid: Sequence[dict[str, Any]], missing: list[str]) -> dict[str, Any]:
    whole = [result for result in grid if result["case"]["method"] != "qlora"]
    quantised = [result for result in grid if result["case"]["method"] == "qlora"]
    names = ("trainingTeraflops", "HALF_RATE_TOKENS", "SECONDS_PER_LAYER_PASS", "QLORA_SLOWDOWN")
    found: dict[str, Any] = dict.fromkeys(names)
    if len(whole) < 4:
        missing.append(f"rate and launch cost: {len(whole)} grid cells without 4-bit weights, 4 needed")  # fmt: skip
        return found
    rows = np.array([_features(result) for result in whole])
    times = np.array([result["stepSeconds"] for result in whole])
    solution = non_negative_fit(rows / times[:, None])
    if solution[0] <= 0:
        missing.append("rate: the time does not grow with the tokens of a step")
        return found
    found["trainingTeraflops"] = 1.0 / solution[0] / 1e12
    found["HALF_RATE_TOKENS"] = solution[1] / solution[0]
    found["SECONDS_PER_LAYER_PASS"] = float(solution[2])
    found["medianTimeError"] = float(np.median(np.abs(rows @ solution / times - 1)))
    if quantised:
        ratios = [
            result["stepSeconds"] / float(np.dot(_features(result), solution))
            for result in quantised
        ]
        found["QLORA_SLOWDOWN"] = statistics.median(ratios)
    else:
        missing.append("QLoRA slowdown: no grid cell with 4-bit weights")
    return found


def non_negative_fit(rows: Any) -> Any:
    """The x >= 0 that brings rows @ x nearest to 1 everywhere, by least squares.

    With three unknowns every set of those that are not 0 is tried; the best feasible one is the solution.
    """
    count = rows.shape[1]
    best, smallest = np.zeros(count), np.inf
    scale = np.abs(rows).max(axis=0)
    for size in range(1, count + 1):
        for chosen in map(list, itertools.combinations(range(count), size)):
            part = np.linalg.lstsq(rows[:, chosen] / scale[chosen], np.ones(len(rows)), rcond=None)[
                0
            ]
            if (part < 0).any():
                continue
            candidate = np.zeros(count)
            candidate[chosen] = part / scale[chosen]
            residual = float(((rows @ candidate - 1) ** 2).sum())
            if residual < smallest:
                best, smallest = candidate, residual
    return best


def _fit_memory(
    grid: Sequence[dict[str, Any]], done: dict[str, Any], missing: list[str]
) -> dict[str, Any]:
    shares = []
    for result in grid:
        transient = result["allocatedPeakGiB"] - result["persistentGiB"]
        if transient >= MINIMUM_TRANSIENT_GIB:
            held = result["reservedPeakGiB"] - result["allocatedPeakGiB"]
            shares.append(held / transient)
    others = (done.get("facts/driver") or {}).get("usedByOthersMiB") or 0
    contexts = [context for result in grid if (context := result["contextGiB"] - others / 1024) > 0]
    if not shares:
        missing.append("fragmentation: no grid cell with measured GPU memory")
    if not contexts:
        missing.append("context: no grid cell with measured GPU memory")
    return {
        "FRAGMENTATION_SHARE": _quantile(shares),
        "CUDA_CONTEXT_GIB": _quantile(contexts),
    }


def _quantile(values: Sequence[float]) -> float | None:
    return float(np.quantile(values, QUANTILE)) if values else None


def _matmul(done: dict[str, Any], missing: list[str]) -> float | None:
    rates = [r["sustainedTeraflops"] for key, r in done.items() if key.startswith("matmul/")]
    if not rates:
        missing.append("matrix products: no cell")
    return max(rates, default=None)
