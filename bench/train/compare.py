"""Our trainer beside plain TRL on the same model and pairs: `python bench/train/compare.py`.

Four runs a round, in turns: plain TRL with its defaults, plain TRL with our settings, ours with the
same settings, ours as planned (reference log-probabilities ahead of time). Figures are optimizer
steps per second of `trainer.train()`, by the clock and by CPU time, which is what a busy machine
disturbs least, and by CPU time with the computing of the reference ahead counted; the best of all
rounds. `--check` fails below the promised ratios, or where the loss curves differ.
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

DEFAULTS, THEIRS = "TRL, its defaults", "TRL, our settings"
OURS, PLANNED = "ours, same settings", "ours, as planned"


def main() -> int:
    """The table, and with --check whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1280)
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

        def theirs(**settings: Any) -> list[dict[str, Any]]:
            place = Path(tempfile.mkdtemp(dir=root))
            return plain.train(root / "model", rows, place, **plain.COMMON, **settings)

        kinds: dict[str, Callable[[], list[dict[str, Any]]]] = {
            DEFAULTS: theirs,
            THEIRS: lambda: theirs(**plain.SAME),
            OURS: lambda: ours.train(ours.job(root, arguments.rows, precompute=False)),
            PLANNED: lambda: ours.train(ours.job(root, arguments.rows)),
        }
        wall: dict[str, float] = dict.fromkeys(kinds, 0.0)
        cpu: dict[str, float] = dict.fromkeys(kinds, 0.0)
        counted: dict[str, float] = dict.fromkeys(kinds, 0.0)
        curves: dict[str, dict[int, float]] = {}
        for _ in range(arguments.rounds):
            for name, kind in kinds.items():
                with Clock().running() as clock:
                    log = quiet(kind)
                wall[name] = max(wall[name], clock.steps / clock.wall)
                cpu[name] = max(cpu[name], clock.steps / clock.cpu)
                counted[name] = max(counted[name], clock.steps / (clock.cpu + clock.ahead))
                curves[name] = {r["step"]: r["loss"] for r in log if "loss" in r}
    print(f"{'run':24}{'steps/s, clock':>16}{'steps/s, CPU':>16}{'with reference':>16}")
    for name in kinds:
        print(f"{name:24}{wall[name]:16.1f}{cpu[name]:16.1f}{counted[name]:16.1f}")
    same, chosen = cpu[OURS] / cpu[THEIRS], cpu[PLANNED] / cpu[DEFAULTS]
    print(f"same settings: {same:.2f}x (promised {SAME}); as planned: {chosen:.2f}x ({CHOSEN})")
    print(f"as planned, the reference ahead counted: {counted[PLANNED] / counted[DEFAULTS]:.2f}x")
    worst = 0.0
    for name in (OURS, PLANNED):
        apart = max(abs(loss - curves[THEIRS][step]) for step, loss in curves[name].items())
        print(f"loss of '{name}' and of '{THEIRS}' differ by at most {apart:.1e} at any step")
        worst = max(worst, apart)
    broken = same < SAME or chosen < CHOSEN or worst > TOLERANCE
    return int(arguments.check and broken)


if __name__ == "__main__":
    sys.exit(main())
