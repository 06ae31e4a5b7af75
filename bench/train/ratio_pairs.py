"""Pairs of a ratio of prompt to answer, and the model that is trained on them, for the benches of shared prefixes.

Import it before torch, which reads the setting of its threads when it is loaded.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path

# Spinning threads would count as CPU time on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TQDM_DISABLE", "1")
RATIOS = (0.4, 1.6, 6.0)
TOKENS = 320
"""The mean number of tokens of a prompt and an answer."""
PAIRS = 4
"""The pairs in a batch."""


@dataclass(frozen=True)
class Bench:
    """A model and a tokenizer with one token for each word."""

    directory: Path
    steps: int
    """Optimizer steps of each run."""
    ragged: bool

    def rows(self, ratio: float, vocabulary: int) -> list[dict[str, str]]:
        """Pairs of random words; ragged lengths vary by half around their mean."""
        draw = random.Random(0)
        answer = round(TOKENS / (1 + ratio))

        def words(mean: int) -> str:
            low, high = (mean // 2, mean + mean // 2) if self.ragged else (mean, mean)
            count = max(1, draw.randint(low, high))
            return " ".join(f"w{draw.randrange(vocabulary - 3)}" for _ in range(count))

        return [
            {
                "prompt": words(TOKENS - answer) + " ",
                "chosen": words(answer),
                "rejected": words(answer),
            }
            for _ in range(PAIRS * self.steps)
        ]


def make_model(directory: Path, vocabulary: int, hidden: int) -> None:
    """A Llama of 4 layers and heads of 64 elements, and its tokenizer, in `directory`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<pad>", "<eos>", "<unk>", *(f"w{number}" for number in range(vocabulary - 3))]
    raw = Tokenizer(
        models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>")
    )
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=hidden * 43 // 16, num_hidden_layers=4,
        num_attention_heads=hidden // 64, num_key_value_heads=hidden // 64, max_position_embeddings=2048, pad_token_id=0,
        eos_token_id=1, bos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def tokens_ceiling(rows: list[dict[str, str]]) -> float:
    """Tokens of two rows a pair over those of one, padding left out."""
    plain = shared = 0
    for row in rows:
        prompt, chosen, rejected = (
            len(row[name].split()) for name in ("prompt", "chosen", "rejected")
        )
        plain += 2 * prompt + chosen + rejected
        shared += prompt + chosen + rejected
    return plain / shared
