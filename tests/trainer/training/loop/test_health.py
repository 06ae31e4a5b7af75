"""Each guard on curves that should and should not alarm it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dpojob_trainer.training.loop.health import check_health

STEPS = 200


def curve(**over: Any) -> list[dict[str, float]]:
    """A good run's log, each figure a function of the share done; `over` replaces some."""
    figures: dict[str, Any] = {
        "loss": lambda t: 0.69 - 0.4 * t,
        "grad_norm": lambda _: 1.0,
        "learning_rate": lambda t: 5e-6 * (1 - t),
        "rewards/margins": lambda t: 1.5 * t,
        "rewards/accuracies": lambda t: min(1.0, 0.5 + 0.6 * t),
        "logps/chosen": lambda t: -300 - 20 * t,
        "logps/rejected": lambda t: -280 - 60 * t,
        **over,
    }
    return [
        {"step": step, **{name: f(step / STEPS) for name, f in figures.items()}}
        for step in range(1, STEPS + 1)
    ]


def evaluations(*losses: float) -> list[dict[str, float]]:
    size = STEPS // len(losses)
    return [{"step": (i + 1) * size, "eval_loss": loss} for i, loss in enumerate(losses)]


def judged(*figures: tuple[float, float, float]) -> list[dict[str, float]]:
    """Evaluations with a win rate, the upper end of its change since the best, and a reward margin."""
    names = ("eval_win_rate", "eval_win_rate_change_high", "eval_rewards/margins")
    return [
        {"step": 10 * (at + 1), "eval_loss": 0.5, **dict(zip(names, each, strict=True))}
        for at, each in enumerate(figures)
    ]


NAN = float("nan")
CASES = [
    ("a good run", curve(), "Healthy"),
    ("nothing logged", [], "Healthy"),
    (
        "the judge falls while rewards rise",
        judged((0.6, 0.0, 0.2), (0.4, -0.1, 0.4), (0.3, -0.2, 0.6)),
        "RewardHacking",
    ),
    ("one judged fall", judged((0.6, 0.0, 0.2), (0.6, 0.1, 0.4), (0.3, -0.2, 0.6)), "Healthy"),
    ("within noise", judged((0.6, 0.0, 0.2), (0.5, 0.02, 0.4), (0.5, 0.01, 0.6)), "Healthy"),
    ("rewards fall too", judged((0.6, 0.0, 0.6), (0.4, -0.1, 0.4), (0.3, -0.2, 0.2)), "Healthy"),
    ("too few are judged", judged((0.6, 0.0, 0.2), (0.3, -0.2, 0.6)), "Healthy"),
    (
        "margin is no number",
        curve(**{"rewards/margins": lambda t: NAN if t > 0.5 else t}),
        "NaNLoss",
    ),
    ("a hidden loss", curve(loss=lambda _: 0.0, grad_norm=lambda t: NAN), "NaNLoss"),
    (
        "one fp16 overflow",
        curve(grad_norm=lambda t: math.inf if t == 1 / STEPS else 1.0),
        "Healthy",
    ),
    (
        "separated from the start",
        curve(**{"rewards/accuracies": lambda _: 1.0}),
        "AccuracySaturatedEarly",
    ),
    (
        "only step 1 is 1",
        curve(**{"rewards/accuracies": lambda t: 1.0 if t < 0.01 else 0.7}),
        "Healthy",
    ),
    (
        "learned by the middle",
        curve(**{"rewards/accuracies": lambda t: min(1, 0.5 + t)}),
        "Healthy",
    ),
    ("both fall far", curve(**{"logps/chosen": lambda t: -300 - 400 * t}), "ChosenCollapse"),
    ("short answers", curve(**{"logps/chosen": lambda t: -8 - 15 * t}), "Healthy"),
    (
        "chosen falls, rejected rises",
        curve(**{"logps/chosen": lambda t: -300 - 400 * t, "logps/rejected": lambda t: -300 + t}),
        "Healthy",
    ),
    (
        "a margin that swings about 0",
        curve(**{"rewards/margins": lambda t: 0.01 * math.sin(t * 500)}),
        "MarginFlat",
    ),
    ("a small but steady margin", curve(**{"rewards/margins": lambda t: 0.002 * t}), "Healthy"),
    ("evaluation rises", curve() + evaluations(0.6, 0.5, 0.55, 0.6, 0.7), "Overfitting"),
    ("one bad evaluation", curve() + evaluations(0.6, 0.5, 0.4, 0.39, 0.5), "Healthy"),
    (
        "both losses rise",
        curve(loss=lambda t: 0.5 + t) + evaluations(0.6, 0.5, 0.55, 0.6, 0.7),
        "Healthy",
    ),
]


@pytest.mark.parametrize(("points", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_guard_that_objects(points: list[dict[str, float]], reason: str) -> None:
    health = check_health(points, STEPS)
    assert health.reason == reason, health.message
    assert health.healthy == (reason == "Healthy")


@pytest.mark.parametrize("points", [c[1] for c in CASES if c[2] != "Healthy"])
def test_an_objection_gives_figures_and_advice(points: list[dict[str, float]]) -> None:
    message = check_health(points, STEPS).message
    assert any(character.isdigit() for character in message)
    assert "training." in message
    assert len(message) < 600


def test_a_margin_is_not_called_flat_before_there_was_time() -> None:
    points = curve(**{"rewards/margins": lambda t: 0.01 * math.sin(t * 500)})
    assert check_health(points[: STEPS // 5], STEPS).healthy


def test_a_short_run_is_judged_without_error() -> None:
    for length in range(1, 12):
        check_health(curve()[:length], length)
