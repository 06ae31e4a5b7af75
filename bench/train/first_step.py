"""Where the time until the first optimizer step goes: `python bench/train/first_step.py`.

The demo's tiny model is trained in a new process, as in the training container. Figures are seconds of CPU time of
that process up to the beginning of each stage and to the end of the first step, with bytecode as in the image, which the
first round may write; the least of all rounds counts.

`--before DIRECTORY` trains with the packages of another checkout too, in turns, by its `dpojob_trainer.training.run`.
Compare with that of commit 3dd534a^, before packages were left out and imports were done without garbage
collections: `git worktree add DIRECTORY 3dd534a^`.
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
NOW, BEFORE = "now", "before"
PACKAGES = ("api", "planner", "trainer-image")
ROWS = 64


def prepare(directory: Path) -> None:
    """Write a job with a new output directory to `directory`."""
    from bench.train import dpojob_run

    (directory / "job").write_bytes(pickle.dumps(dpojob_run.job(directory, ROWS)))


def child(directory: Path, kind: str) -> None:
    """Train the job in `directory` up to the first step, and print the seconds of each stage."""
    from dpojob_trainer.training import run
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
    if kind == NOW:
        from dpojob_trainer.training import hide_unused_packages

        hide_unused_packages(job)
    run(job, on_progress=stop)


def measure(directory: Path, kind: str, checkout: Path) -> dict[str, float]:
    """Seconds of each stage in a new process with the packages of `checkout`."""
    path = os.pathsep.join(str(checkout / package / "src") for package in PACKAGES)
    environment = {**os.environ, "TQDM_DISABLE": "1", "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for action in ("--prepare", "--child"):
        command = [sys.executable, __file__, action, kind, "--directory", str(directory)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, metavar="DIRECTORY", help="another checkout")
    parser.add_argument("--prepare", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.directory)
        return 0
    if arguments.child:
        child(arguments.directory, arguments.child)
        return 0
    from bench.train.silence_output import silence_output
    from tests.kit import tiny_models

    checkouts = {NOW: ROOT}
    if arguments.before is not None:
        checkouts = {BEFORE: arguments.before.resolve(), **checkouts}
    best: dict[str, dict[str, float]] = {kind: {} for kind in checkouts}
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        silence_output(lambda: tiny_models.make_model(directory / "model", teach_steps=0))
        tiny_models.write_jsonl(directory / f"pairs-{ROWS}.jsonl", tiny_models.make_pairs(ROWS, 1))
        for _ in range(arguments.rounds):
            for kind, least in best.items():
                for stage, seconds in measure(directory, kind, checkouts[kind]).items():
                    least[stage] = min(seconds, least.get(stage, seconds))
    print(f"{'CPU seconds to':20}" + "".join(f"{kind:>10}" for kind in best) + f"{'ratio':>8}")
    first = next(iter(best.values()))
    for stage, seconds in first.items():
        row = "".join(f"{found[stage]:10.1f}" for found in best.values())
        print(f"{stage:20}{row}{best[NOW][stage] / seconds:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
