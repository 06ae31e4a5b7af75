"""A sample is only looked at: neither its length nor the model's context ends a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from dpojob_trainer.training import run
from dpojob_trainer.training.loop import samples

CONTEXT = 48
LONG = "Where is the kite? " * 20


@pytest.fixture
def short_answers(trainer_imported: None) -> None:
    """Answers of their full length."""


@pytest.fixture(scope="module")
def learned(inputs: Path) -> Path:
    """A model with a limited number of positions, which fails beyond them."""
    tokenizer = AutoTokenizer.from_pretrained(inputs / "model")
    end = tokenizer.eos_token_id
    shape = {"n_positions": CONTEXT, "n_embd": 16, "n_layer": 1, "n_head": 2}
    config = GPT2Config(vocab_size=len(tokenizer), bos_token_id=end, eos_token_id=end, **shape)
    GPT2LMHeadModel(config).save_pretrained(inputs / "learned")
    tokenizer.save_pretrained(inputs / "learned")
    return inputs / "learned"


@pytest.mark.parametrize("prompt", [LONG, [{"role": "user", "content": LONG}], "Where?"])
def test_prompt_and_answer_fit_into_the_context(learned: Path, prompt: Any) -> None:
    model = GPT2LMHeadModel.from_pretrained(learned)
    tokenizer = AutoTokenizer.from_pretrained(learned)
    assert not samples._answer(model, tokenizer, prompt).startswith("(no answer")


@pytest.mark.train
def test_a_sample_without_an_answer_says_why_and_training_goes_on(
    make_job: MakeJob, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise IndexError("index out of range\nin self")

    monkeypatch.setattr(GPT2LMHeadModel, "generate", refuse)
    model = {"volume": {"claimName": "inputs", "path": learned.name}}
    outcome = run(make_job(spec={"model": model, "training": {"maxLength": CONTEXT}}))
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.samples[0].after == "(no answer: IndexError: index out of range in self)"
