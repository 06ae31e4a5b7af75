"""Both models' answers to the same prompts, over several attempts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.kit.tiny_models import make_pairs
from tests.kit.training.tiny_job import MakeJob
from transformers import AutoModelForCausalLM, AutoTokenizer

from dpojob_api.shared_training_constants import ANSWER_BATCH
from dpojob_trainer.training.evaluation import answering
from dpojob_trainer.training.evaluation.answering import AnswerSettings, answer_both
from dpojob_trainer.training.evaluation.models import ModelPair, load_pair
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
    pair = ModelPair(AutoTokenizer.from_pretrained(inputs / "model"), model, model, "key")
    rows = [
        {"prompt": [{"role": "user", "content": row["question"]}]} for row in make_pairs(ROWS, 3)
    ]
    straight = answer_both(pair, rows, SETTINGS, tmp_path / "straight")
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
            answer_both(pair, rows, SETTINGS, tmp_path / "kept")
        with (tmp_path / "kept" / f"{name}.jsonl").open("a") as torn:
            torn.write('{"text": "cut')
    assert answer_both(pair, rows, SETTINGS, tmp_path / "kept") == straight
    assert made == 2 * BATCHES
    # The answers that were kept are not used for another model.
    answer_both(replace(pair, key="another key"), rows, SETTINGS, tmp_path / "kept")
    assert made == 4 * BATCHES


Change = Callable[[Path], object]


def rewritten_weights(model: Path) -> None:
    """The last weight is another one; size and time of writing stay."""
    path = model / "model.safetensors"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.train
@pytest.mark.parametrize(
    ("changed", "change", "same"),
    [
        ("out", rewritten_weights, False),
        ("out", lambda d: os.utime(d / "model.safetensors", ns=(1, 1)), False),
        ("out", lambda d: (d / "config.json").write_text((d / "config.json").read_text() + " "), False),
        ("out", lambda d: (d / "chat_template.jinja").write_text("{{ messages }}"), False),
        ("base", rewritten_weights, False),
        ("base", lambda d: (d / "generation_config.json").write_text('{"do_sample": true}'), False),
        # Written after the model by inspection, training and the evaluation itself.
        ("out", lambda d: (d / "lineage.json").write_text('{"uploaded": {}}'), True),
        ("out", lambda d: (d / "inspection.json").write_text("{}"), True),
        ("out", lambda d: (d / "evaluation.jsonl").write_text("{}"), True),
    ],
)  # fmt: skip
def test_answers_are_kept_for_the_same_files_of_both_models_alone(
    make_job: MakeJob, inputs: Path, tmp_path: Path, changed: str, change: Change, same: bool
) -> None:
    base, out = tmp_path / "base", tmp_path / "outputs" / "out"
    shutil.copytree(inputs / "model", base / "model")
    shutil.copytree(inputs / "model", out)
    job = make_job(
        spec={"model": {"volume": {"claimName": "base", "path": "model"}}}, volumes={"base": base}
    )
    # Nothing was inspected that a changed model would be compared with.
    job = replace(job, report=job.report.model_copy(update={"model": None}))
    first = load_pair(job).key
    assert load_pair(job).key == first
    change(out if changed == "out" else base / "model")
    assert (load_pair(job).key == first) is same
