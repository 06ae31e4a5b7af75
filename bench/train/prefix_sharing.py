"""What shared prefixes bring, by the ratio of prompt to answer: `python bench/train/prefix_sharing.py`.

For each ratio r (prompt tokens over mean answer tokens) the same pairs are trained by four trainers from the same
model and seed, in turns, beside two loops without a trainer:

- TRL: plain TRL with its defaults (bf16, gradient checkpointing), the reference at each step;
- equal: plain TRL with our settings for a machine without a GPU (fp32, no checkpointing);
- tiles: the same, with logits in small tiles and of answers only;
- shared: our trainer, with prefixes shared as well;
- model: the model's own forward for the reference, and its forward and backward for the policy, on the shared layout,
  with the LM head and the cross-entropy of the answers' tokens, and nothing else: no DPO loss, no metrics, no optimizer;
- bare: the same of the backbone alone, without LM head and cross-entropy.

Figures are seconds of a training step by CPU time, which other work on the machine changes less, and by the clock; the
least of all rounds counts. The first step of each run is not counted: there torch prepares its kernels, and our trainer
computes both layouts once to compare them. Peak memory is that of the process during the steps, beyond what it held
before the models were loaded. The ceiling is what sharing could bring if time were proportional to tokens. "apart" is the largest
difference of the loss at any step from that of equal. `--write` replaces the table in docs/train.md;
`sharing_curves.py` draws losses.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.train.ratio_pairs import (  # noqa: E402  (before torch is loaded)
    PAIRS,
    RATIOS,
    Bench,
    make_model,
    tokens_ceiling,
)


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


@dataclass(frozen=True)
class Measured:
    """Figures of one run."""

    cpu: float
    """Seconds of CPU time of a step."""
    clock: float
    """Seconds of a step."""
    peak_mib: float
    """Memory during the steps, beyond what the process held before."""
    losses: list[float]
    """The loss of each step; empty where there is none."""

    def least(self, other: Measured) -> Measured:
        """The least of each figure of two runs."""
        return Measured(
            min(self.cpu, other.cpu),
            min(self.clock, other.clock),
            min(self.peak_mib, other.peak_mib),
            self.losses,
        )


def memory_mib(name: str) -> float:
    """A field of this process's status file in MiB: VmRSS, or VmHWM for the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


Action = Callable[[Callable[[], None]], list[float]]
"""Runs the steps, calls what it is given after the first one, and returns the losses."""


def measured(steps: int, before: float, action: Action) -> Measured:
    """Run the steps and measure all but the first one; `before` is the memory that counts as none."""
    cpu = clock = 0.0

    def start() -> None:
        nonlocal cpu, clock
        Path("/proc/self/clear_refs").write_text("5")  # The peak starts anew.
        cpu, clock = time.process_time(), time.perf_counter()

    losses = action(start)
    counted = steps - 1
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return Measured(cpu / counted, clock / counted, memory_mib("VmHWM") - before, losses)


def memory_before() -> float:
    """Memory of this process once the models of earlier runs are gone, MiB."""
    gc.collect()
    # Otherwise glibc keeps what earlier runs have freed, and this one would seem to need less.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return memory_mib("VmRSS")


def train(bench: Bench, rows: list[dict[str, str]], kind: str, method: str) -> Measured:
    """Train with one trainer."""
    from transformers import TrainerCallback

    from dpojob_trainer.training.dpo_trainer import trl_patches

    before = memory_before()
    made = trainer(bench, rows, kind, method)

    class FirstStep(TrainerCallback):  # type: ignore[misc]
        def __init__(self, start: Callable[[], None]) -> None:
            self.start = start

        def on_step_end(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step == 1:
                self.start()

    def steps(start: Callable[[], None]) -> list[float]:
        made.add_callback(FirstStep(start))
        made.train()
        return [row["loss"] for row in made.state.log_history if "loss" in row]

    with ExitStack() as patches:
        if kind in ("tiles", "shared"):
            patches.enter_context(trl_patches.completion_logits_only())
            patches.enter_context(trl_patches.logits_in_small_tiles())
        return measured(bench.steps, before, steps)


def loop(bench: Bench, rows: list[dict[str, str]], method: str, *, head: bool) -> Measured:
    """Forward and backward passes without a trainer; `head`: with the LM head and the answers' cross-entropy."""
    import torch
    from torch.nn.functional import cross_entropy

    before = memory_before()
    made = trainer(bench, rows, "shared", method)
    model = made.accelerator.unwrap_model(made.model)
    batches = [made._prepare_inputs(batch) for batch in made.get_train_dataloader()]

    def passes(batch: dict[str, Any]) -> Any:
        inputs = {name: value for name, value in batch.items() if name != "completion_mask"}
        hidden = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
        if not head:
            return hidden.sum()
        answers = batch["completion_mask"].bool()
        logits = model.get_output_embeddings()(hidden[answers])
        return cross_entropy(logits, batch["input_ids"][answers])

    def steps(start: Callable[[], None]) -> list[float]:
        for number, batch in enumerate(batches):
            if number == 1:
                start()
            passes(batch).backward()
            with torch.no_grad():
                passes(batch)
        return []

    return measured(bench.steps, before, steps)


def table(ratio: float, rows: list[dict[str, str]], found: dict[str, Measured]) -> list[str]:
    """Rows of the table for one ratio."""
    equal, ceiling = found["equal"], tokens_ceiling(rows)
    lines = []
    for kind, figures in found.items():
        gain = f"{equal.cpu / figures.cpu:.2f}"
        apart = max(map(abs, map(float.__sub__, figures.losses, equal.losses)), default=None)
        lines.append(
            f"| {ratio} | {kind} | {figures.cpu:.3f} | {figures.clock:.3f} | {figures.peak_mib:.0f} | {gain} | "
            f"{'' if apart is None else f'{apart:.0e}'} | {ceiling:.2f} |"
        )
    return lines


HEADER = [
    "| r | trainer | CPU s a step | s a step | peak MiB | x equal, CPU | loss apart | ceiling |",
    "|---|---|---|---|---|---|---|---|",
]
BEGIN, END = "<!-- bench/train/prefix_sharing.py: begin -->", "<!-- end -->"
"""Around the table in docs/train.md."""


def write(page: Path, section: list[str]) -> None:
    """Replace the table in the page."""
    before, rest = page.read_text().split(BEGIN, 1)
    page.write_text("\n".join([before + BEGIN, *section, END + rest.split(END, 1)[1]]))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=7, help="of each run, with the first one")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=256, help="elements of the hidden state")
    parser.add_argument("--vocabulary", type=int, default=2000)
    parser.add_argument(
        "--leave-out-defaults", action="store_true", help="no TRL with its defaults"
    )
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--equal-lengths", action="store_true")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/train.md")
    arguments = parser.parse_args()
    from bench.train.silence_output import silence_output

    from bench import pages

    load, lines = os.getloadavg()[0], list(HEADER)
    print("\n".join(HEADER), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary), arguments.steps, not arguments.equal_lengths)
        make_model(bench.directory / "model", arguments.vocabulary, arguments.hidden)
        # The first step of the process also loads libraries; this run takes that time, so that no measurement includes it.
        warm_up = replace(bench, steps=2)
        rows = warm_up.rows(1.0, arguments.vocabulary)
        silence_output(partial(train, warm_up, rows, "shared", arguments.method))
        for ratio in RATIOS:
            rows = bench.rows(ratio, arguments.vocabulary)
            kinds: dict[str, Callable[[], Measured]] = {
                kind: partial(train, bench, rows, kind, arguments.method)
                for kind in ("TRL", "equal", "tiles", "shared")[arguments.leave_out_defaults :]
            }
            for kind, head in {"model": True, "bare": False}.items():
                kinds[kind] = partial(loop, bench, rows, arguments.method, head=head)
            found: dict[str, Measured] = {}
            for _ in range(arguments.rounds):
                for kind, action in kinds.items():
                    run = silence_output(action)
                    found[kind] = run.least(found.get(kind, run))
            lines += table(ratio, rows, found)
            print("\n".join(lines[-len(found) :]), flush=True)
    if arguments.write:
        flags = [flag for flag in sys.argv[1:] if flag != "--write"]
        command = " ".join(["python bench/train/prefix_sharing.py", *flags])
        write(ROOT / "docs/train.md", pages.section(command, load, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
