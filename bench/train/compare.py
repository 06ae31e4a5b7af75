"""dpojob_trainer compared with plain TRL on the same model and pairs: `python bench/train/compare.py`.

Three runs a round, in turns and each a process of its own: plain TRL with its defaults, as a script
without tuning has it; plain TRL with the settings that our planner chose, its threads spinning as little as our
trainer's; and our trainer. Figures are optimizer steps per second of training, with whatever of the
reference is computed ahead of it counted in, by the clock and by CPU time; the best of all rounds.
`--check` fails below the promised ratios by the clock, or where the loss curves differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dpojob_trainer.training.launch.session import OPENMP_SPIN_COUNT  # noqa: E402  (loads no torch)

SAME, CHOSEN, TOLERANCE = 0.98, 2.0, 1e-4
"""What is promised: the least ratio of speeds to TRL at the same settings, the least speed-up of the planned settings
over TRL's defaults, and the largest difference between loss curves."""

DEFAULTS, THEIRS, OURS = "TRL, its defaults", "TRL, planned settings", "ours, as planned"


def one(name: str, root: Path, rows: int, epochs: int) -> dict[str, Any]:
    """Train once, in this process; steps per second by clock and CPU time, and the losses."""
    if name == THEIRS:
        # As our trainer sets them, before torch is loaded.
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": OPENMP_SPIN_COUNT}
    from bench.train import dpojob_run, trl_baseline
    from bench.train.clock import Clock
    from bench.train.silence_output import silence_output

    made = dpojob_run.job(root, rows, epochs=epochs)
    settings: dict[str, Any] = {"num_train_epochs": epochs}
    if name == THEIRS:
        settings |= trl_baseline.as_planned(made.plan)
    with Clock().running() as clock:
        if name == OURS:
            log = silence_output(lambda: dpojob_run.train(made))
        else:
            pairs = trl_baseline.rows(root / f"pairs-{rows}.jsonl")
            place = Path(tempfile.mkdtemp(dir=root))
            log = silence_output(
                lambda: trl_baseline.train(
                    root / "model", pairs, place, **trl_baseline.COMMON, **settings
                )
            )
    return {
        "wall": clock.steps / (clock.wall + clock.ahead_wall),
        "cpu": clock.steps / (clock.cpu + clock.ahead),
        "curve": {r["step"]: r["loss"] for r in log if "loss" in r},
        "ahead": made.plan.precompute_reference,
        "model": f"{made.parameters:,} parameters in {made.plan.precision}",
    }


def main() -> int:
    """The table, and with --check whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1280)
    parser.add_argument("--epochs", type=int, default=3, help="TRL's default is 3")
    parser.add_argument("--hidden", type=int, default=64, help="the model's hidden size")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("RUN", "DIRECTORY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, directory = arguments.one
        print(json.dumps(one(name, Path(directory), arguments.rows, arguments.epochs)))
        return 0
    from bench.train.silence_output import silence_output
    from tests.kit import tiny_models

    best: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as root:
        shape = {"hidden": arguments.hidden, "layers": arguments.layers}
        silence_output(lambda: tiny_models.make_model(Path(root) / "model", teach_steps=0, **shape))
        pairs = Path(root) / f"pairs-{arguments.rows}.jsonl"
        tiny_models.write_jsonl(pairs, tiny_models.make_pairs(arguments.rows, 1))
        options = ["--rows", str(arguments.rows), "--epochs", str(arguments.epochs)]
        for _ in range(arguments.rounds):
            for name in (DEFAULTS, THEIRS, OURS):
                command = [sys.executable, __file__, *options, "--one", name, root]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found = json.loads(done.stdout.splitlines()[-1])
                for kind in ("wall", "cpu"):
                    found[kind] = max(found[kind], best.get(name, found)[kind])
                best[name] = found
    ahead = "ahead" if best[OURS]["ahead"] else "at each step"
    print(f"{best[OURS]['model']}; {arguments.rows} pairs, {arguments.epochs} epoch(s)")
    print(f"the reference {ahead}")
    print(f"{'run':24}{'steps/s, clock':>16}{'steps/s, CPU':>16}")
    for name, found in best.items():
        print(f"{name:24}{found['wall']:16.1f}{found['cpu']:16.1f}")
    kept = True
    for name, promised in ((THEIRS, SAME), (DEFAULTS, CHOSEN)):
        by_clock, by_cpu = (best[OURS][kind] / best[name][kind] for kind in ("wall", "cpu"))
        print(f"ours to {name}: {by_clock:.2f}x, by CPU time {by_cpu:.2f}x ({promised})")
        kept = kept and by_clock >= promised
    theirs = best[THEIRS]["curve"]
    apart = max(abs(loss - theirs[step]) for step, loss in best[OURS]["curve"].items())
    print(f"loss at any step differs from '{THEIRS}' by at most {apart:.1e}")
    return int(arguments.check and not (kept and apart <= TOLERANCE))


if __name__ == "__main__":
    sys.exit(main())
