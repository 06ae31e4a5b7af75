"""Rules over several arguments, or over arguments and the rest of the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dpojob_api.spec import DPOJobSpec

Arguments = Mapping[str, Any]
STEPS = ("eval_steps", "save_steps", "logging_steps")
WORKERS = ("dataloader_prefetch_factor", "dataloader_persistent_workers")
REWARD_DIFFERENCE_LOSSES = frozenset(
    ("sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft")
)
"""Losses that take another divergence than reverse_kl (`f_divergence_loss_types` in trl.trainer.dpo_trainer)."""
NEEDS_EVALUATIONS = ("reduce_lr_on_plateau", "greedy")


class Rule(NamedTuple):
    """One rule; `message` names the fields and the remedy."""

    is_violated: Callable[[Arguments, DPOJobSpec], bool]
    message: str


def find_violations(spec: DPOJobSpec) -> list[str]:
    """Find the rules that the arguments violate.

    Args:
        spec: The spec; each argument has the right name and type.

    Returns:
        The violations, as clauses of a message.
    """
    arguments = spec.training.arguments
    return [rule.message for rule in RULES if rule.is_violated(arguments, spec)]


def _losses(arguments: Arguments) -> list[str]:
    losses = arguments.get("loss_type", "sigmoid")
    return losses if isinstance(losses, list) else [losses]


def _has_evaluation_pairs(spec: DPOJobSpec) -> bool:
    return bool(spec.dataset.eval.split or spec.dataset.eval.fraction)


def _evaluates(arguments: Arguments, spec: DPOJobSpec) -> bool:
    return _has_evaluation_pairs(spec) and arguments.get("eval_strategy") != "no"


def _loads_best_model(arguments: Arguments) -> bool:
    return arguments.get("load_best_model_at_end") is not False


def _best_without_checkpoint(arguments: Arguments) -> bool:
    """Whether the best evaluation can be at a step without a checkpoint."""
    evaluate, save = arguments.get("eval_strategy"), arguments.get("save_strategy")
    if "no" in (evaluate, save) or save == "best":
        return False
    by_steps = [name for name in STEPS[:2] if name in arguments]
    if "epoch" in (evaluate, save):
        other = save if evaluate == "epoch" else evaluate
        return other == "steps"
    if len(by_steps) < 2 or arguments["eval_steps"] is None:
        return False
    every, saved = arguments["eval_steps"], arguments["save_steps"]
    if every < 1 or saved < 1:
        return (every < 1) != (saved < 1) or bool(round(saved * 1e6) % round(every * 1e6))
    return bool(saved % every)


def _wrong_number_of_weights(arguments: Arguments, _: DPOJobSpec) -> bool:
    weights = arguments.get("loss_weights")
    return weights is not None and len(weights) != len(_losses(arguments))


RULES = (
    Rule(
        lambda a, _: a.get("max_steps") == 0 or a.get("max_steps", 1) < -1,
        "max_steps must be 1 or more; leave it out to train by training.epochs",
    ),
    *(
        Rule(
            lambda a, _, name=name: a.get(name) is not None and a[name] <= 0,  # type: ignore[misc]
            f"{name} must be 1 or more, or a share of the run below 1",
        )
        for name in STEPS
    ),
    Rule(lambda a, _: a.get("warmup_steps", 0) < 0, "warmup_steps must be 0 or more"),
    Rule(
        _wrong_number_of_weights,
        "loss_weights must have one number for each loss in loss_type",
    ),
    Rule(
        lambda a, _: "exo_pair" in _losses(a) and not a.get("label_smoothing"),
        "loss_type exo_pair needs label_smoothing above 0: write label_smoothing: 0.001",
    ),
    Rule(
        lambda a, _: (
            a.get("f_divergence_type", "reverse_kl") != "reverse_kl"
            and not set(_losses(a)) <= REWARD_DIFFERENCE_LOSSES
        ),
        f"f_divergence_type other than reverse_kl goes with loss_type {', '.join(sorted(REWARD_DIFFERENCE_LOSSES))} "
        "only: leave f_divergence_type out, or choose one of these losses",
    ),
    Rule(
        lambda a, _: "robust" in _losses(a) and a.get("label_smoothing", 0) >= 0.5,
        "loss_type robust needs label_smoothing below 0.5, the probability that a preference is flipped: "
        "write label_smoothing: 0.1",
    ),
    Rule(
        lambda a, _: (
            bool(a.get("use_weighting")) and not {"aot", "aot_unpaired"}.isdisjoint(_losses(a))
        ),
        "use_weighting does not go with loss_type aot or aot_unpaired, which sort the pairs: leave one "
        "of them out",
    ),
    Rule(
        lambda a, spec: bool(a.get("sync_ref_model")) and spec.training.method in ("lora", "qlora"),
        "sync_ref_model needs a reference model of its own, which only full fine-tuning has: write "
        "training.method: full, or leave sync_ref_model out",
    ),
    Rule(
        lambda a, _: a.get("train_sampling_strategy") in ("group_by_length", "batch_rebalance"),
        "train_sampling_strategy must be random or sequential: TRL keeps no lengths to group pairs by",
    ),
    *(
        Rule(
            lambda a, _, name=name: bool(a.get(name)) and not a.get("dataloader_num_workers"),  # type: ignore[misc]
            f"{name} needs workers: write dataloader_num_workers: 1 or more",
        )
        for name in WORKERS
    ),
    Rule(
        lambda a, spec: a.get("lr_scheduler_type") in NEEDS_EVALUATIONS and not _evaluates(a, spec),
        f"lr_scheduler_type {' and '.join(NEEDS_EVALUATIONS)} go by evaluations: hold pairs out with "
        "dataset.eval, and leave eval_strategy out",
    ),
    Rule(
        lambda a, spec: (
            not _has_evaluation_pairs(spec)
            and (
                a.get("eval_strategy", "no") != "no"
                or a.get("save_strategy") == "best"
                or bool(a.get("load_best_model_at_end"))
            )
        ),
        "eval_strategy, save_strategy best and load_best_model_at_end need pairs to evaluate on: hold "
        "some out with dataset.eval",
    ),
    Rule(
        lambda a, spec: spec.training.early_stopping is not None and a.get("eval_strategy") == "no",
        "training.earlyStopping goes by evaluations: leave eval_strategy: no out, or earlyStopping",
    ),
    Rule(
        lambda a, _: (
            bool(a.get("load_best_model_at_end"))
            and "no" in (a.get("eval_strategy"), a.get("save_strategy"))
        ),
        "load_best_model_at_end needs evaluations and checkpoints: leave eval_strategy: no and "
        "save_strategy: no out",
    ),
    Rule(
        lambda a, spec: (
            _evaluates(a, spec) and _loads_best_model(a) and _best_without_checkpoint(a)
        ),
        "every evaluation that may be the best needs a checkpoint at the same step: give save_strategy "
        "the value of eval_strategy and make save_steps a multiple of eval_steps, leave the save_ ones "
        "out, or write load_best_model_at_end: false",
    ),
)
