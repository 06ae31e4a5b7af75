"""A reward model judges the answers, however long the prompt is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.kit import tiny_models
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForSequenceClassification

from dpojob_trainer.training.evaluation.judges.judge import Exchange
from dpojob_trainer.training.evaluation.judges.reward_model import RewardModelJudge


@pytest.mark.train
def test_a_prompt_longer_than_the_context_leaves_the_answers(tmp_path: Path) -> None:
    tiny_models.make_model(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32, num_labels=1,
    )  # fmt: skip
    Qwen2ForSequenceClassification(config).save_pretrained(tmp_path)
    judge = RewardModelJudge(tmp_path, "reward")
    prompt = "Where is the kite? " * 50
    first, second = judge.scores([Exchange(prompt, "In the tree."), Exchange(prompt, "Gladly!")])
    assert first is not None and second is not None and first != second
