"""A reward model judges the answers with its own tokenizer, however long the prompt is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.tiny_models import make_tokenizer
from transformers import Qwen2Config, Qwen2ForSequenceClassification

from dpojob_trainer.training.evaluation.judges import Exchange, JudgeError
from dpojob_trainer.training.evaluation.judges.reward_model import RewardModelJudge

pytestmark = pytest.mark.train
PROMPT = "Where is the kite?"
TEXTS = [PROMPT, "Gladly! It lies on a shelf.", "In the tree."]


def write_reward_model(directory: Path, tokenizer: Any, tokens: int, context: int = 64) -> Any:
    """Write a reward model that knows nothing, with embeddings of a number of tokens, and a tokenizer."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=tokens, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=context, num_labels=1,
    )  # fmt: skip
    model = Qwen2ForSequenceClassification(config)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return model.eval()


def test_it_reads_prompts_and_answers_with_its_own_tokenizer(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(TEXTS)
    tokenizer.chat_template = None
    model = write_reward_model(tmp_path, tokenizer, len(tokenizer))
    exchanges = [
        Exchange([{"role": "user", "content": PROMPT}], TEXTS[1]),
        Exchange(PROMPT, TEXTS[2]),
    ]
    with torch.no_grad():
        alone = [
            float(
                model(torch.tensor([tokenizer(f"{PROMPT}\n\n{each.answer}")["input_ids"]])).logits
            )
            for each in exchanges
        ]
    # In one batch the shorter text is padded.
    assert RewardModelJudge(tmp_path, "reward").scores(exchanges) == pytest.approx(alone, abs=1e-5)


def test_the_tokenizer_of_another_model_is_named(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(TEXTS)
    tokenizer.chat_template = None
    write_reward_model(tmp_path, tokenizer, 260)
    judge = RewardModelJudge(tmp_path, "reward")
    assert judge.scores([Exchange("?", "x")])[0] is not None, "single bytes have an embedding"
    found = (
        r"reward has embeddings of 260 tokens, and the tokenizer beside it gives token \d+: it is"
    )
    with pytest.raises(JudgeError, match=found):
        judge.scores([Exchange(PROMPT, TEXTS[1])])


def test_a_prompt_longer_than_the_context_leaves_the_answers(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(TEXTS)
    write_reward_model(tmp_path, tokenizer, len(tokenizer), context=32)
    judge = RewardModelJudge(tmp_path, "reward")
    first, second = judge.scores([Exchange(PROMPT * 50, text) for text in TEXTS[1:]])
    assert first is not None and second is not None and first != second
