"""Answers outlive an attempt, and are only ever those of the training they are shown for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dpojob_trainer.training.loop import samples
from dpojob_trainer.training.loop.samples import Samples

PROMPTS = ["Where is the kite?"]


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer is another one."""
    numbers = iter(range(100))
    monkeypatch.setattr(samples, "_answer", lambda *_: f"answer {next(numbers)}")


def attempt(path: Path, *, key: str = "this", resumed_at: int, then: int | None = None) -> Samples:
    """One that goes on from a step, and answers at a later one."""
    found = Samples(PROMPTS, path / "samples.json", key, writes=True)
    found.discard_after(resumed_at)
    model: Any = torch.nn.Identity()
    if resumed_at == 0:
        found.generate(0, model, None)
    if then is not None:
        found.generate(then, model, None)
    return found


def test_a_resumed_training_still_knows_its_first_answers(tmp_path: Path) -> None:
    attempt(tmp_path, resumed_at=0, then=5)
    ended = attempt(tmp_path, resumed_at=5, then=10)
    assert ended.answers == {0: ["answer 0"], 5: ["answer 1"], 10: ["answer 2"]}


def test_another_trainings_answers_are_not_taken_for_this_models(tmp_path: Path) -> None:
    attempt(tmp_path, key="another", resumed_at=0, then=5)
    ended = attempt(tmp_path, resumed_at=0, then=4)
    assert ended.answers == {0: ["answer 2"], 4: ["answer 3"]}


def test_answers_of_repeated_steps_are_generated_again(tmp_path: Path) -> None:
    attempt(tmp_path, resumed_at=0, then=5)
    ended = attempt(tmp_path, resumed_at=3, then=5)
    assert ended.answers == {0: ["answer 0"], 5: ["answer 2"]}


def test_a_file_that_is_no_samples_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "samples.json").write_text('{"prompts": ["Where is the kite?"]}')
    assert attempt(tmp_path, resumed_at=0).answers == {0: ["answer 0"]}
