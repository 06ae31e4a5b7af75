"""What shared prefixes bring, by the ratio of prompt to answer: `python bench/train/prefix_sharing.py`.

For each ratio r (prompt tokens over mean answer tokens) the same pairs are trained by five trainers from the same
model and seed, in turns:

- TRL: plain TRL with its defaults (bf16, gradient checkpointing), the reference at each step;
- equal: plain TRL with our settings for a machine without a GPU (fp32, no checkpointing);
- tiles: the same, with logits in small tiles and of answers only;
- shared: our trainer, with prefixes shared as well;
- bare: the backbone's forward for the reference, and forward and backward for the policy, on the shared layout,
  and nothing else: no LM head, no optimizer.

Figures are seconds of CPU time of a training step, since other work on the machine changes them less; the
least of all rounds counts. `ceiling` is what sharing could bring if time were proportional to tokens. `apart` is
the largest difference of the loss at any step between equal and shared.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

RATIOS = (0.4, 1.6, 6.0)
TOKENS = 320
"""Of a prompt and an answer together, on average."""
PAIRS = 4
"""In a batch."""


@dataclass(frozen=True)
class Bench:
    """A model and a tokenizer with one token for each word."""

    directory: Path
    steps: int
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


def make_model(directory: Path, vocabulary: int) -> None:
    """A Llama of 4 layers and 256 hidden elements, and its tokenizer, in `directory`."""
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
        vocab_size=vocabulary, hidden_size=256, intermediate_size=688, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=2048, pad_token_id=0,
        eos_token_id=1, bos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def trainer(bench: Bench, rows: list[dict[str, str]], kind: str, method: str) -> Any:
    """A trainer of one kind, ready to train."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from dpojob_trainer.training.digested_files import FileDigests
    from dpojob_trainer.training.dpo_trainer.prefix_sharing_trainer import PrefixSharingTrainer

    ours: dict[str, Any] = {"bf16": False, "gradient_checkpointing": False}
    config = DPOConfig(
        output_dir=tempfile.mkdtemp(dir=bench.directory), per_device_train_batch_size=PAIRS,
        max_length=2048, max_steps=bench.steps, logging_steps=1, save_strategy="no", report_to="none",
        use_cpu=True, disable_tqdm=True, learning_rate=1e-4, **({} if kind == "TRL" else ours),
    )  # fmt: skip

    def model() -> Any:
        return AutoModelForCausalLM.from_pretrained(
            bench.directory / "model", attn_implementation="sdpa"
        )

    options: dict[str, Any] = {
        "model": model(),
        "args": config,
        "train_dataset": Dataset.from_list(rows),
        "processing_class": AutoTokenizer.from_pretrained(bench.directory / "model"),
    }
    if method == "lora":
        from peft import LoraConfig

        options["peft_config"] = LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM")
    else:
        options["ref_model"] = model()
    if kind == "shared":
        return PrefixSharingTrainer(share_prefixes=True, notes=[], digests=FileDigests(), **options)
    return DPOTrainer(**options)


def train(
    bench: Bench, rows: list[dict[str, str]], kind: str, method: str
) -> tuple[float, list[float]]:
    """CPU seconds of a step, and the loss of each."""
    from dpojob_trainer.training.dpo_trainer import trl_patches

    made = trainer(bench, rows, kind, method)
    with ExitStack() as patches:
        if kind in ("tiles", "shared"):
            patches.enter_context(trl_patches.completion_logits_only())
            patches.enter_context(trl_patches.logits_in_small_tiles())
        begin = time.process_time()
        made.train()
        seconds = time.process_time() - begin
    return seconds / bench.steps, [row["loss"] for row in made.state.log_history if "loss" in row]


def bare(bench: Bench, rows: list[dict[str, str]], method: str) -> tuple[float, list[float]]:
    """CPU seconds of the backbone's passes of a step."""
    import torch

    made = trainer(bench, rows, "shared", method)
    backbone = made.accelerator.unwrap_model(made.model).base_model
    batches = [made._prepare_inputs(batch) for batch in made.get_train_dataloader()]
    begin = time.process_time()
    for batch in batches[: bench.steps]:
        inputs = {name: value for name, value in batch.items() if name != "completion_mask"}
        backbone(**inputs, use_cache=False).last_hidden_state.sum().backward()
        with torch.no_grad():
            backbone(**inputs, use_cache=False)
    return (time.process_time() - begin) / bench.steps, []


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


def picture(curves: dict[float, dict[str, list[float]]]) -> str:
    """A page with a chart for each ratio, in which the losses of both layouts lie on each other."""
    from dpojob_trainer.training.export.svg_chart import chart

    names = {"equal": "two rows a pair (TRL)", "shared": "shared prefixes"}
    charts = [
        chart(f"Loss by step, r = {ratio}", {
            names[kind]: [(float(step), loss) for step, loss in enumerate(found, 1)]
            for kind, found in by_kind.items()
        })
        for ratio, by_kind in curves.items()
    ]  # fmt: skip
    style = (
        "svg{max-width:720px} .c0{stroke:#0a6;fill:none;stroke-width:5} .c1{stroke:#000;fill:none}"
    )
    return f"<!doctype html><meta charset=utf-8><style>{style}</style>{''.join(charts)}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--vocabulary", type=int, default=2000)
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--equal-lengths", action="store_true")
    parser.add_argument("--picture", type=Path, help="an HTML file for the losses of both layouts")
    arguments = parser.parse_args()
    from bench.train.silence_output import silence_output

    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary), arguments.steps, not arguments.equal_lengths)
        make_model(bench.directory / "model", arguments.vocabulary)
        print(
            f"{'r':>4}{'ceiling':>9}{'TRL':>9}{'equal':>9}{'tiles':>9}{'shared':>9}{'bare':>9}"
            f"{'x tiles':>9}{'x equal':>9}{'x TRL':>9}{'apart':>10}"
        )
        curves: dict[float, dict[str, list[float]]] = {}
        for ratio in RATIOS:
            rows = bench.rows(ratio, arguments.vocabulary)
            kinds: dict[str, Callable[[], tuple[float, list[float]]]] = {
                kind: partial(train, bench, rows, kind, arguments.method)
                for kind in ("TRL", "equal", "tiles", "shared")
            }
            kinds["bare"] = partial(bare, bench, rows, arguments.method)
            seconds: dict[str, float] = {}
            losses: dict[str, list[float]] = {}
            for _ in range(arguments.rounds):
                for kind, action in kinds.items():
                    spent, losses[kind] = silence_output(action)
                    seconds[kind] = min(spent, seconds.get(kind, spent))
            apart = max(
                abs(one - other)
                for one, other in zip(losses["equal"], losses["shared"], strict=True)
            )
            curves[ratio] = {kind: losses[kind] for kind in ("equal", "shared")}
            shared = seconds["shared"]
            print(
                f"{ratio:4}{tokens_ceiling(rows):9.2f}"
                + "".join(f"{seconds[kind]:9.3f}" for kind in kinds)
                + "".join(f"{seconds[kind] / shared:9.2f}" for kind in ("tiles", "equal", "TRL"))
                + f"{apart:10.1e}",
                flush=True,
            )
    if arguments.picture is not None:
        arguments.picture.write_text(picture(curves))
    return 0


if __name__ == "__main__":
    sys.exit(main())
