"""What the progress server costs: `python bench/train/progress_cost.py [--check]`.

One training on the demo's tiny model, with the server on. In every other block of steps another
process asks for /progress and /metrics, as the operator and Prometheus do, at 1 and at 20 times a
second in turns; in the blocks between there are no requests. The figures are CPU time per optimizer step of the
training process, server thread and all, which a busy machine disturbs least: the median of all blocks.
The share at 20 a second, divided by 20, is the sharper measure of the share at 1. `--check` fails at 1%
or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dpojob_api.progress import Progress  # noqa: E402  (loads no torch)
from dpojob_trainer.training.launch.session import OPENMP_SPIN_COUNT  # noqa: E402  (neither)

os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": OPENMP_SPIN_COUNT}

PROMISED = 0.01
BLOCK = 20
"""Steps; long enough for some polls a second, short enough for drift not to matter."""
RATES = (0, 1, 0, 20)
"""Polls a second, block after block."""
CLIENT = """
import sys, threading, time, urllib.request
rate, port = 0.0, int(sys.argv[1])
def read():
    global rate
    for line in sys.stdin:
        rate = float(line)
threading.Thread(target=read, daemon=True).start()
while True:
    wanted, begin = rate, time.monotonic()
    if not wanted:
        time.sleep(0.01)
        continue
    for path in ("/progress", "/metrics"):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read()
        except OSError:
            sys.exit()  # The training is over.
    time.sleep(max(0.0, 1 / wanted - (time.monotonic() - begin)))
"""


class Blocks:
    """CPU seconds per step, by the polls a second of the block; called at every step."""

    def __init__(self, port: int) -> None:
        self.costs: dict[int, list[float]] = {rate: [] for rate in RATES}
        self._client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(port)], stdin=subprocess.PIPE, text=True
        )
        self._number = -1
        self._begin = 0.0
        self._step = 0

    def on_progress(self, progress: Progress) -> None:
        """Close the block when its steps are done, and open the next."""
        if progress.stage != "Training" or progress.step == self._step:
            return
        self._step = progress.step
        if self._step % BLOCK:
            return
        now = time.process_time()
        if self._number >= len(RATES):  # The first round warms up.
            self.costs[RATES[self._number % len(RATES)]].append((now - self._begin) / BLOCK)
        self._number += 1
        assert self._client.stdin is not None
        self._client.stdin.write(f"{RATES[self._number % len(RATES)]}\n")
        self._client.stdin.flush()
        self._begin = time.process_time()

    def close(self) -> None:
        """End the client."""
        self._client.kill()
        self._client.wait()


def main() -> int:
    """The figures, and with --check whether the promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--port", type=int, default=18477)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    from bench.train import dpojob_run
    from bench.train.silence_output import silence_output
    from tests.kit import tiny_models

    rows = 640
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        silence_output(lambda: tiny_models.make_model(root / "model", teach_steps=0))
        tiny_models.write_jsonl(root / f"pairs-{rows}.jsonl", tiny_models.make_pairs(rows, 1))
        blocks = Blocks(arguments.port)
        try:
            made = dpojob_run.job(root, rows, epochs=arguments.steps * dpojob_run.BATCH / rows)
            silence_output(lambda: dpojob_run.train(made, blocks.on_progress, arguments.port))
        finally:
            blocks.close()
    costs = {rate: median(found) for rate, found in blocks.costs.items()}
    for rate, cost in costs.items():
        label = f"polled {rate} time(s) a second" if rate else "not polled"
        print(f"{label:28}{cost * 1000:8.2f} ms CPU a step, {len(blocks.costs[rate])} blocks")
    once = costs[1] / costs[0] - 1
    sharper = (costs[20] / costs[0] - 1) / 20
    print(
        f"share of a step at 1 poll a second: {once:.2%} measured, {sharper:.2%} from 20 a second"
    )
    print(f"promised: under {PROMISED:.0%}")
    return int(arguments.check and sharper >= PROMISED)


if __name__ == "__main__":
    sys.exit(main())
