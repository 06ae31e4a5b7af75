"""The benchmark of the evaluation's statistics trains on random labels, and knows the true win rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.evaluate.random_labels import HELD_OUT, make_inputs, report, train_and_evaluate

from dpojob_trainer.training.evaluation.statistics.confidence_intervals import contains

SEEDS = 4


@pytest.mark.train
def test_random_labels_make_no_model_better(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path / "inputs", teach_steps=200)
    trained = []
    for seed in range(SEEDS):
        (tmp_path / str(seed)).mkdir()
        trained.append(train_and_evaluate(inputs, tmp_path / str(seed), seed))
    chance, accuracies, rule = [], [], []
    for found in trained:
        rate, accuracy = found.by_chance.win_rate, found.by_chance.reward_accuracy
        assert rate is not None and accuracy is not None and found.by_rule.win_rate is not None
        assert rate.n == accuracy.n == found.by_rule.win_rate.n == HELD_OUT
        assert 0 < found.different <= HELD_OUT and 0.3 < found.true_rate < 0.7
        chance.append(contains(rate, 0.5))
        accuracies.append(contains(accuracy, 0.5))
        rule.append(contains(found.by_rule.win_rate, found.true_rate))
    assert min(sum(chance), sum(accuracies), sum(rule)) >= SEEDS - 1
    rows = [line.strip("| ").split(" | ") for line in report(trained) if line.startswith("| ")]
    assert rows[1][0] == "win rate by the labels' judge" and rows[1][1] == "50.0%, 0.0 points"
    assert rows[1][2] == rows[1][3] == f"{sum(chance)} of {SEEDS}"
    assert rows[4][3] == f"{sum(rule)} of {SEEDS}"
