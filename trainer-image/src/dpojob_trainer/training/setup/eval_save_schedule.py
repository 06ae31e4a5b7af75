"""When a run evaluates and when it saves: as the user asks, with defaults that match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def eval_save_schedule(
    arguments: Mapping[str, Any], steps: int, evaluate_every: int, evaluates: bool
) -> dict[str, Any]:
    """DPOConfig's fields for evaluations and checkpoints, so that the best weights are kept if possible.

    TRL can keep the best weights only where each evaluation has a checkpoint, so a setting of one of
    the two applies to the other as well.

    Args:
        arguments: The user's `training.arguments`.
        steps: Optimizer steps of the run.
        evaluate_every: Steps between evaluations where the user sets none.
        evaluates: Whether any pairs are held out.
    """
    eval_strategy, save_strategy = arguments.get("eval_strategy"), arguments.get("save_strategy")
    eval_steps, save_steps = arguments.get("eval_steps"), arguments.get("save_steps")
    if not evaluates or eval_strategy == "no":
        return {
            "eval_strategy": "no",
            "save_strategy": save_strategy if save_strategy in ("epoch", "no") else "steps",
            "save_steps": save_steps or steps,
            "load_best_model_at_end": False,
        }
    if eval_strategy is None:
        eval_strategy = "epoch" if save_strategy == "epoch" else "steps"
    if save_strategy is None:
        save_strategy = eval_strategy
    keeps_best = arguments.get("load_best_model_at_end", save_strategy != "no")
    if eval_steps is None:
        # Without any evaluation there would be no best checkpoint.
        eval_steps = min(save_steps, steps) if save_steps and keeps_best else evaluate_every
        save_steps = eval_steps if keeps_best else save_steps
    return {
        "eval_strategy": eval_strategy,
        "eval_steps": eval_steps,
        "save_strategy": save_strategy,
        "save_steps": save_steps or eval_steps,
        "load_best_model_at_end": keeps_best,
    }
