"""Our trainer beside plain TRL on the same model and pairs: `python bench/train/compare.py`.

Three runs a round, in turns: plain TRL with its defaults, plain TRL with the settings that our planner
chose, and our trainer with the same. Figures are optimizer steps per second of training, with whatever
of the reference is computed ahead of it counted in, by the clock and by CPU time, which is what a busy
machine disturbs least; the best of all rounds. `--check` fails below the promised ratios, or where the
loss curves differ.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SAME, CHOSEN, TOLERANCE = 0.98, 2.0, 1e-4
"""Promised: at the same settings; of the chosen settings over TRL's defaults; of the loss curves."""

DEFAULTS, THEIRS, OURS = "TRL, its defaults", "TRL, planned settings", "ours, as planned"


def main() -> int:
    """The table, and with --check whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1280)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    from bench.train import ours, plain
    from bench.train.clock import Clock
    from bench.train.quiet import quiet
    from tests.support import tiny

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        quiet(lambda: tiny.make_model(root / "model", teach_steps=0))
        pairs = root / f"pairs-{arguments.rows}.jsonl"
        tiny.write_jsonl(pairs, tiny.make_pairs(arguments.rows, 1))
        rows = plain.rows(pairs)

        planned = ours.job(root, arguments.rows, epochs=arguments.epochs).plan
        ahead = "ahead" if planned.precompute_reference else "at each step"
        print(f"{arguments.rows} pairs, {arguments.epochs} epoch(s), the reference {ahead}")

        def theirs(**settings: Any) -> list[dict[str, Any]]:
            place = Path(tempfile.mkdtemp(dir=root))
            settings["num_train_epochs"] = arguments.epochs
            return plain.train(root / "model", rows, place, **plain.COMMON, **settings)

        kinds: dict[str, Callable[[], list[dict[str, Any]]]] = {
            DEFAULTS: theirs,
            THEIRS: lambda: theirs(**plain.as_planned(planned)),
            OURS: lambda: ours.train(ours.job(root, arguments.rows, epochs=arguments.epochs)),
        }
        wall: dict[str, float] = dict.fromkeys(kinds, 0.0)
        cpu: dict[str, float] = dict.fromkeys(kinds, 0.0)
        curves: dict[str, dict[int, float]] = {}
        for _ in range(arguments.rounds):
            for name, kind in kinds.items():
                with Clock().running() as clock:
                    log = quiet(kind)
                wall[name] = max(wall[name], clock.steps / (clock.wall + clock.ahead_wall))
                cpu[name] = max(cpu[name], clock.steps / (clock.cpu + clock.ahead))
                curves[name] = {r["step"]: r["loss"] for r in log if "loss" in r}
    print(f"{'run':24}{'steps/s, clock':>16}{'steps/s, CPU':>16}")
    for name in kinds:
        print(f"{name:24}{wall[name]:16.1f}{cpu[name]:16.1f}")
    for name, promised in ((THEIRS, SAME), (DEFAULTS, CHOSEN)):
        clock_ratio, cpu_ratio = wall[OURS] / wall[name], cpu[OURS] / cpu[name]
        print(f"ours to {name}: {clock_ratio:.2f}x, by CPU time {cpu_ratio:.2f}x ({promised})")
    apart = max(abs(loss - curves[THEIRS][step]) for step, loss in curves[OURS].items())
    print(f"loss at any step differs from '{THEIRS}' by at most {apart:.1e}")
    broken = cpu[OURS] < SAME * cpu[THEIRS] or cpu[OURS] < CHOSEN * cpu[DEFAULTS]
    return int(arguments.check and (broken or apart > TOLERANCE))


if __name__ == "__main__":
    sys.exit(main())
