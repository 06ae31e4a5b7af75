"""Where the time until the first optimizer step goes: `python bench/train/first_step.py`.

The demo's tiny model is trained in a new process, with and without the packages that the job does not use
(`dpojob_trainer/training/launch/unused_packages.py`), in turns. Figures are seconds of CPU time of that process up to
the beginning of each stage and to the end of the first step; the least of all rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def child(directory: Path, *, hide: bool) -> None:
    """Train up to the first step, and print the seconds of each stage."""
    from dpojob_trainer.training import hide_unused_packages, run
    from dpojob_trainer.training.setup.progress import ProgressRecorder

    seconds: dict[str, float] = {}
    set_stage = ProgressRecorder.set_stage

    def record(self: ProgressRecorder, stage: Any) -> None:
        seconds.setdefault(str(stage), time.process_time())
        set_stage(self, stage)

    def stop(progress: Any) -> None:
        if progress.step:
            seconds["first step"] = time.process_time()
            print(json.dumps(seconds), flush=True)
            os._exit(0)

    ProgressRecorder.set_stage = record  # type: ignore[method-assign]
    job = pickle.loads((directory / "job").read_bytes())
    if hide:
        hide_unused_packages(job)
    run(job, on_progress=stop)


def measure(directory: Path, kind: str) -> dict[str, float]:
    """Seconds of each stage in a new process with a new output directory."""
    from bench.train import dpojob_run

    made = dpojob_run.job(directory, 64)
    (directory / "job").write_bytes(pickle.dumps(made))
    ended = subprocess.run(
        [sys.executable, __file__, "--child", kind, "--directory", str(directory)],
        capture_output=True, text=True, check=True, env={**os.environ, "TQDM_DISABLE": "1"},
    )  # fmt: skip
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=("all", "used"), help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.directory, hide=arguments.child == "used")
        return 0
    from bench.train.silence_output import silence_output
    from tests.kit import tiny_models

    best: dict[str, dict[str, float]] = {"all": {}, "used": {}}
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        silence_output(lambda: tiny_models.make_model(directory / "model", teach_steps=0))
        tiny_models.write_jsonl(directory / "pairs-64.jsonl", tiny_models.make_pairs(64, 1))
        for _ in range(arguments.rounds):
            for kind, least in best.items():
                for stage, seconds in measure(directory, kind).items():
                    least[stage] = min(seconds, least.get(stage, seconds))
    print(f"{'CPU seconds to':20}{'all packages':>14}{'used ones':>12}{'ratio':>8}")
    for stage, seconds in best["all"].items():
        used = best["used"][stage]
        print(f"{stage:20}{seconds:14.1f}{used:12.1f}{used / seconds:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
