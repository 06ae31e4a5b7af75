"""Both models' answers to the same prompts, over several attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.tiny_models import make_pairs
from transformers import AutoModelForCausalLM, AutoTokenizer

from dpojob_api.shared_training_constants import ANSWER_BATCH
from dpojob_trainer.training.evaluation import answering
from dpojob_trainer.training.evaluation.answering import AnswerSettings, answer_both
from dpojob_trainer.training.evaluation.models import ModelPair
from dpojob_trainer.training.setup.errors import Interrupted

BATCHES = 3
ROWS = BATCHES * ANSWER_BATCH - 5
SETTINGS = AnswerSettings(new_tokens=4, seed=1)


@pytest.mark.train
def test_answers_are_continued_after_a_restart_and_none_is_made_twice(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModelForCausalLM.from_pretrained(inputs / "model").eval()
    model.generation_config.do_sample = True
    pair = ModelPair(AutoTokenizer.from_pretrained(inputs / "model"), model, model)
    rows = [
        {"prompt": [{"role": "user", "content": row["question"]}]} for row in make_pairs(ROWS, 3)
    ]
    straight = answer_both(pair, rows, SETTINGS, tmp_path / "straight", "key")
    assert len(straight[0]) == ROWS and straight[0] == straight[1]
    generate, made = answering.generate_answers, 0

    def interrupted(*arguments: Any, **options: Any) -> Iterator[Any]:
        nonlocal made
        for batch in generate(*arguments, **options):
            made += 1
            yield batch
            if made in (1, BATCHES + 2):
                raise Interrupted

    monkeypatch.setattr(answering, "generate_answers", interrupted)
    for name in ("before", "after"):
        with pytest.raises(Interrupted):
            answer_both(pair, rows, SETTINGS, tmp_path / "kept", "key")
        with (tmp_path / "kept" / f"{name}.jsonl").open("a") as torn:
            torn.write('{"text": "cut')
    assert answer_both(pair, rows, SETTINGS, tmp_path / "kept", "key") == straight
    assert made == 2 * BATCHES
    # Of another model nothing is kept.
    answer_both(pair, rows, SETTINGS, tmp_path / "kept", "another key")
    assert made == 4 * BATCHES
