"""Our trainer beside plain TRL on the same model and pairs: `python bench/train/compare.py`.

Four runs a round, in turns: plain TRL with its defaults, plain TRL with our settings, ours with the
same settings, ours as planned (reference log-probabilities ahead of time). Figures are optimizer
steps per second of `trainer.train()`, by the clock and by CPU time, the best of all rounds; CPU time
is what a busy machine disturbs least. `--check` fails below the promised ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SAME, CHOSEN = 0.98, 2.0
"""Promised: at the same settings, and of the chosen settings over TRL's defaults."""
LENGTH, BATCH = 128, 8


class Clock:
    """Times DPOTrainer.train, whoever calls it."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self.steps = 0

    @contextlib.contextmanager
    def running(self) -> Any:
        from trl import DPOTrainer

        inner = DPOTrainer.train

        def timed(trainer: Any, *args: Any, **more: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return inner(trainer, *args, **more)
            finally:
                self.wall, self.cpu = time.perf_counter() - wall, time.process_time() - cpu
                self.steps = trainer.state.global_step

        DPOTrainer.train = timed
        try:
            yield self
        finally:
            DPOTrainer.train = inner


def ours(root: Path, rows: int, *, precompute: bool, checkpointing: bool) -> list[dict[str, Any]]:
    """Our trainer, from its own `run`; the log."""
    from dpojob_api.plan import Plan
    from dpojob_api.spec import DPOJobSpec
    from dpojob_trainer.inspection import inspect
    from dpojob_trainer.training import TrainJob, run

    spec = DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "in", "path": "model"}},
            "dataset": {
                "volume": {"claimName": "in", "path": f"pairs-{rows}.jsonl"},
                "eval": {"fraction": 0},
                "columnMapping": {
                    "prompt": "question", "chosen": "good_response", "rejected": "bad_response",
                },
            },
            "training": {"learningRate": 1e-4, "batchSize": BATCH, "maxLength": LENGTH},
            "output": {"volume": {"claimName": "out", "path": ""}},
        }
    )  # fmt: skip
    volumes = {"in": root, "out": Path(tempfile.mkdtemp(dir=root))}
    plan = Plan.model_validate(
        {
            "pool": "cpu", "method": "full", "precision": "fp32", "perDeviceBatchSize": BATCH,
            "gradientAccumulation": 1, "gradientCheckpointing": checkpointing,
            "precomputeReference": precompute, "maxLength": LENGTH,
            "memoryGiB": {"needed": 1, "available": 8}, "estimate": {"hours": 0, "cost": "0"},
        }
    )  # fmt: skip
    job = TrainJob(
        name="bench", spec=spec, report=inspect(spec, volumes), plan=plan, volumes=volumes,
        scratch=root / "scratch",
    )  # fmt: skip
    outcome = run(job, port=0)
    assert outcome.outcome == "Succeeded", outcome.message
    lines = (job.output / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def main() -> int:
    """The table, and with --check whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1280)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    from bench.train.plain import train as plain
    from tests.support import tiny

    common = {
        "per_device_train_batch_size": BATCH, "max_length": LENGTH, "learning_rate": 1e-4,
        "num_train_epochs": 1, "report_to": "none", "use_cpu": True,
    }  # fmt: skip
    same = {"bf16": False, "gradient_checkpointing": False, "logging_steps": 1, "seed": 42}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        quiet(lambda: tiny.make_model(root / "model", teach_steps=0))
        pairs = tiny.make_pairs(arguments.rows, 1)
        tiny.write_jsonl(root / f"pairs-{arguments.rows}.jsonl", pairs)
        rows = [
            {
                "prompt": [{"role": "user", "content": pair["question"]}],
                "chosen": [{"role": "assistant", "content": pair["good_response"]}],
                "rejected": [{"role": "assistant", "content": pair["bad_response"]}],
            }
            for pair in pairs
        ]
        kinds: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "TRL, its defaults": lambda: plain(root / "model", rows, root / "a", **common),
            "TRL, our settings": lambda: plain(root / "model", rows, root / "b", **common, **same),
            "ours, same settings": lambda: ours(
                root, arguments.rows, precompute=False, checkpointing=False
            ),
            "ours, as planned": lambda: ours(
                root, arguments.rows, precompute=True, checkpointing=False
            ),
        }
        wall: dict[str, float] = dict.fromkeys(kinds, 0.0)
        cpu: dict[str, float] = dict.fromkeys(kinds, 0.0)
        curves: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            for name, kind in kinds.items():
                with Clock().running() as clock:
                    log = quiet(kind)
                wall[name] = max(wall[name], clock.steps / clock.wall)
                cpu[name] = max(cpu[name], clock.steps / clock.cpu)
                curves[name] = [r["loss"] for r in log if "loss" in r]
    return report(wall, cpu, curves, check=arguments.check)


def report(
    wall: dict[str, float], cpu: dict[str, float], curves: dict[str, list[float]], *, check: bool
) -> int:
    """Print the table; 1 when `check` and a promise is broken."""
    print(f"{'run':24}{'steps/s, clock':>16}{'steps/s, CPU':>16}")
    for name in wall:
        print(f"{name:24}{wall[name]:16.1f}{cpu[name]:16.1f}")
    at_same = cpu["ours, same settings"] / cpu["TRL, our settings"]
    chosen = cpu["ours, as planned"] / cpu["TRL, its defaults"]
    pairs = zip(curves["TRL, our settings"], curves["ours, same settings"], strict=True)
    apart = max(abs(a - b) for a, b in pairs)
    print(f"same settings: {at_same:.2f}x (promised {SAME}); as planned: {chosen:.2f}x ({CHOSEN})")
    print(f"loss curves at the same settings differ by at most {apart:.1e}")
    return int(check and (at_same < SAME or chosen < CHOSEN or apart > 1e-4))


def quiet(action: Callable[[], Any]) -> Any:
    """Without what the libraries print."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return action()


if __name__ == "__main__":
    sys.exit(main())
