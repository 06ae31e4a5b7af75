"""What packed batches would bring over padded ones: `python bench/train/packing.py`.

Pairs of `ratio_pairs.py` with shared prefixes are rows of different lengths. Padded, a batch has a row for each pair, as
long as the longest; packed, it has all pairs in one row, in which a mask keeps them apart. torch's attention with a mask
computes all pairs of a row's tokens, also those that the mask leaves out. The values of the mask make no difference to
the time, so both are measured with a causal one, in forward and backward of the model's backbone. Figures are seconds of
CPU time of a batch, the least of all rounds, both in turns; "tokens" is the share of a padded batch that is no padding.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.train.ratio_pairs import (  # noqa: E402  (before torch is loaded)
    PAIRS,
    RATIOS,
    Bench,
    make_model,
)


def batch_lengths(rows: list[dict[str, str]]) -> list[list[int]]:
    """Tokens of each pair with a shared prompt, by batch."""
    counts = [
        sum(len(row[part].split()) for part in ("prompt", "chosen", "rejected")) for row in rows
    ]
    return [counts[first : first + PAIRS] for first in range(0, len(counts), PAIRS)]


def seconds(backbone: Any, rows: int, length: int) -> float:
    """CPU time of a forward and a backward over rows of one length, with a mask."""
    import torch

    ids = torch.zeros(rows, length, dtype=torch.long)
    mask = torch.full((rows, 1, length, length), -torch.inf).triu(1)
    backbone.zero_grad()
    begun = time.process_time()
    backbone(ids, attention_mask=mask, use_cache=False).last_hidden_state.sum().backward()
    return time.process_time() - begun


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=256, help="elements of the hidden state")
    arguments = parser.parse_args()
    from transformers import AutoConfig, AutoModel

    print(f"load average {os.getloadavg()[0]:.1f} before the run")
    print("| r | tokens | CPU s padded | CPU s packed | x padded |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary), arguments.batches, ragged=True)
        make_model(bench.directory / "model", 2000, arguments.hidden)
        config = AutoConfig.from_pretrained(bench.directory / "model")
        backbone = AutoModel.from_config(config, attn_implementation="sdpa")
        seconds(backbone, 1, 64)
        for ratio in RATIOS:
            lengths = batch_lengths(bench.rows(ratio, 2000))
            padded, packed = [float("inf")] * len(lengths), [float("inf")] * len(lengths)
            for _ in range(arguments.rounds):
                for number, batch in enumerate(lengths):
                    padded[number] = min(padded[number], seconds(backbone, PAIRS, max(batch)))
                    packed[number] = min(packed[number], seconds(backbone, 1, sum(batch)))
            share = sum(map(sum, lengths)) / sum(PAIRS * max(batch) for batch in lengths)
            one, other = sum(padded) / len(lengths), sum(packed) / len(lengths)
            print(f"| {ratio} | {share:.0%} | {one:.3f} | {other:.3f} | {one / other:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
