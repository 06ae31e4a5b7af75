"""Judges that know a rule: programs, reward models made here, and what an endpoint replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tests.kit import tiny_models
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    Qwen2Config,
    Qwen2ForSequenceClassification,
)

FRIENDLY = ("Sure", "Of course", "Gladly", "Thanks", "With pleasure", "Certainly")
RULE = f"""
import json, sys
for line in sys.stdin:
    print(int(json.loads(line)["answer"].startswith({FRIENDLY!r})))
"""
"""A program of a judge that prefers friendly openings."""
LENGTH = """
import json, sys
for line in sys.stdin:
    print(len(json.loads(line)["answer"]))
"""
"""A program of a judge that prefers longer answers."""
CONTEXT = 256


def friendlier(asked: dict[str, Any]) -> str:
    """An endpoint that knows the rule."""
    friendly = [asked[field].startswith(FRIENDLY) for field in ("answer_a", "answer_b")]
    return "TIE" if friendly[0] == friendly[1] else "AB"[friendly.index(True)]


def longer(asked: dict[str, Any]) -> str:
    """An endpoint that prefers the longer answer."""
    lengths = [len(asked[field]) for field in ("answer_a", "answer_b")]
    return "TIE" if lengths[0] == lengths[1] else "AB"[lengths.index(max(lengths))]


def make_reward_model(directory: Path, model: Path, outputs: int = 1) -> None:
    """A small model trained here to tell friendly openings; with a tokenizer of its own padding."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=CONTEXT, num_labels=outputs,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    reward = Qwen2ForSequenceClassification(config)
    optimizer = torch.optim.AdamW(reward.parameters(), lr=3e-3)
    rows = tiny_models.make_pairs(512, 9)
    for step in range(60 if outputs == 1 else 0):
        batch = rows[8 * step % 512 :][:8]
        texts = [row[key] for row in batch for key in ("good_response", "bad_response")]
        labels = torch.tensor([float(text.startswith(FRIENDLY)) for text in texts])
        chats = [
            tokenizer.apply_chat_template(
                [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}],
                tokenize=False,
            )
            for text in texts
        ]
        inputs = tokenizer(chats, padding=True, return_tensors="pt", add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            reward(**inputs).logits[:, 0], labels
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    reward.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def write_length_reward_model(directory: Path, model: Path) -> None:
    """A reward model that knows nothing but the place of the last token: all its other weights are 0."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=CONTEXT, n_embd=4, n_layer=1, n_head=1, num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    reward = GPT2ForSequenceClassification(config)
    for weights in reward.parameters():
        weights.data.zero_()
    places = reward.transformer.wpe.weight.data
    places[:, 0], places[:, 1] = torch.arange(CONTEXT) / 50, 1.0
    reward.transformer.ln_f.weight.data.fill_(1.0)
    reward.score.weight.data[0, 0] = 1.0
    reward.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
