"""The win rate of a checkpoint, and whether it fell by more than noise."""

from __future__ import annotations

import numpy as np
import pytest

from dpojob_trainer.training.checkpoint_judging.judged_evaluations import figures_of
from dpojob_trainer.training.loop.health import check_health

PROMPTS, EVALUATIONS, RUNS = 32, 10, 100


def alarms(falls_by: float) -> int:
    """Runs of 100 in which the guard stops, where the true win rate falls evenly from 60% by so much."""
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(RUNS):
        points, earlier = [], []
        for at in range(EVALUATIONS):
            rate = 0.6 - falls_by * at / (EVALUATIONS - 1)
            outcomes = generator.binomial(1, rate, PROMPTS).astype(float).tolist()
            figures = figures_of(outcomes, earlier)
            earlier.append(outcomes)
            points.append({"step": at, "eval_loss": 0.5, "eval_rewards/margins": at, **figures})
            if check_health(points, EVALUATIONS).reason == "RewardHacking":
                found += 1
                break
    return found


def test_noise_alone_rarely_stops_a_run_and_a_real_fall_does() -> None:
    assert alarms(0.0) <= 5
    assert alarms(0.6) >= 90


def test_prompts_without_a_score_are_left_out() -> None:
    figures = figures_of([1.0, None, 0.0, 0.5], [[1.0, 1.0, None, 1.0]])
    assert figures["eval_win_rate"] == pytest.approx(0.5)
    assert figures_of([None, None], []) == {}
    assert figures_of([1.0, 0.0], []) == {"eval_win_rate": 0.5, "eval_win_rate_change_high": 0.0}
