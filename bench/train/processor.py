"""From which size on a CPU gains from bf16, and from threads: `python bench/train/processor.py`.

Optimizer steps per second of a plain model of each size on 16 rows of 72 tokens, in fp32 on one thread
and on all, and in bf16 on all; the variants take turns, the best of all rounds counts. It is where
`dpojob_api.shared_training_constants.CPU_BF16_MIN_PARAMETERS` comes from.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dpojob_trainer.training.launch.session import OPENMP_SPIN_COUNT

os.environ |= {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": OPENMP_SPIN_COUNT,
}  # before torch is loaded

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

VOCABULARY, ROWS, TOKENS = 1000, 16, 72
SHAPES = ((64, 3), (128, 4), (256, 4), (512, 6))
"""Hidden size and layers."""


def stepper(hidden: int, layers: int, bf16: bool) -> tuple[int, Callable[[], None]]:
    """The number of parameters, and an optimizer step."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=5 * hidden // 2,
        num_hidden_layers=layers, num_attention_heads=max(4, hidden // 64), num_key_value_heads=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    ids = torch.randint(0, VOCABULARY, (ROWS, TOKENS))
    mask = torch.ones_like(ids)
    mask[::2, TOKENS - 12 :] = 0

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        logits.float().logsumexp(-1).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return sum(parameter.numel() for parameter in model.parameters()), step


def rate(step: Callable[[], None], threads: int, seconds: float) -> float:
    """Steps per second."""
    torch.set_num_threads(threads)
    step()
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        step()
        count += 1
    return count / spent


def main() -> int:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    arguments = parser.parse_args()
    every = torch.get_num_threads()
    print(f"{'parameters':>12}{'fp32, 1 thread':>18}{f'fp32, {every} threads':>18}{'bf16':>10}")
    for hidden, layers in SHAPES:
        size, fp32 = stepper(hidden, layers, bf16=False)
        _, bf16 = stepper(hidden, layers, bf16=True)
        best = [0.0, 0.0, 0.0]
        for _ in range(arguments.rounds):
            for n, (step, threads) in enumerate(((fp32, 1), (fp32, every), (bf16, every))):
                best[n] = max(best[n], rate(step, threads, arguments.seconds))
        print(f"{size:12,}{best[0]:18.2f}{best[1]:18.2f}{best[2]:10.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
