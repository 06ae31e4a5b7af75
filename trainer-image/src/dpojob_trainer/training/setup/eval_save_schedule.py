"""When a run evaluates and when it saves: what the user asked for, and the rest to match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rhythm(
    asked: Mapping[str, Any], steps: int, evaluate_every: int, evaluates: bool
) -> dict[str, Any]:
    """DPOConfig's fields of it, for a run of `steps` whose best weights are kept where they can be.

    TRL keeps the best only where each evaluation has a checkpoint, so what is asked of one of the two
    holds for the other as well. `evaluates` is whether any pairs are held out.
    """
    evaluate, save = asked.get("eval_strategy"), asked.get("save_strategy")
    every, saved = asked.get("eval_steps"), asked.get("save_steps")
    if not evaluates or evaluate == "no":
        return {
            "eval_strategy": "no",
            "save_strategy": save if save in ("epoch", "no") else "steps",
            "save_steps": saved or steps,
            "load_best_model_at_end": False,
        }
    if evaluate is None:
        evaluate = "epoch" if save == "epoch" else "steps"
    if save is None:
        save = evaluate
    keeps_best = asked.get("load_best_model_at_end", save != "no")
    if every is None:
        # An evaluation that never comes would leave nothing to judge by.
        every = min(saved, steps) if saved and keeps_best else evaluate_every
        saved = every if keeps_best else saved
    return {
        "eval_strategy": evaluate,
        "eval_steps": every,
        "save_strategy": save,
        "save_steps": saved or every,
        "load_best_model_at_end": keeps_best,
    }
