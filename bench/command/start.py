"""How long the command takes to start, beside an empty Python program and kubectl, in one run.

    python bench/command/start.py [--rounds 20]

Each round starts every program once, in another order than the last one, with bytecode, which the first round may write.
Printed are medians of wall-clock and processor
time, and their ratios to `python -c pass`, which say more than the times on a busy machine. The cluster is a server of this
program, which answers at once over plain HTTP with one running job. tests/cli/test_startup.py holds what each start imports.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.kit.cli.one_job_server import one_job_server

DPOJOB = str(Path(sys.executable).with_name("dpojob"))
KUBECONFIG = """
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{address}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""
JOB: dict[str, Any] = {
    "apiVersion": "dpojob.dev/v1alpha1",
    "kind": "DPOJob",
    "metadata": {
        "name": "x",
        "namespace": "default",
        "uid": "u",
        "creationTimestamp": "2026-11-29T12:00:00Z",
    },
    "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}},
    "status": {
        "phase": "Training",
        "progress": {"step": 42, "maxSteps": 100, "epoch": 0.42, "loss": 0.5, "margin": 0.3},
    },
}
"""The job that the cluster holds."""
COMPLETION = "completion of `dpojob status `"
"""The names of jobs, as bash asks for them."""
COMPLETION_WORDS = {
    "_DPOJOB_COMPLETE": "complete_bash",
    "COMP_WORDS": "dpojob status ",
    "COMP_CWORD": "2",
}
PROGRAMS: dict[str, Sequence[str]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "dpojob --help": (DPOJOB, "--help"),
    "dpojob list --help": (DPOJOB, "list", "--help"),
    "dpojob list": (DPOJOB, "list"),
    "dpojob status x": (DPOJOB, "status", "x"),
    "dpojob status x -o json": (DPOJOB, "status", "x", "-o", "json"),
    "dpojob run --dry-run": (DPOJOB, "run", "--dataset", "a/b", "--model", "c/d", "--dry-run"),
    COMPLETION: (DPOJOB,),
}


def start(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Runs a program to its end.

    Args:
        command: Its command line.
        environment: Its variables.

    Returns:
        Wall-clock seconds, and the processor's seconds.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # It has been waited for.
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    programs = dict(PROGRAMS)
    if kubectl := shutil.which("kubectl"):
        programs["kubectl version --client"] = (kubectl, "version", "--client")
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with (
        one_job_server(JOB) as address,
        tempfile.NamedTemporaryFile("w") as kubeconfig,
    ):
        kubeconfig.write(KUBECONFIG.format(address=address))
        kubeconfig.flush()
        environment = {**os.environ, "KUBECONFIG": kubeconfig.name}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds):
            for name in random.Random(number).sample(sorted(programs), len(programs)):
                variables = COMPLETION_WORDS if name == COMPLETION else {}
                measured[name].append(start(programs[name], environment | variables))
    medians = {
        name: tuple(statistics.median(column) for column in zip(*times, strict=True))
        for name, times in measured.items()
    }
    base = medians["python -c pass"]
    print(f"medians of {rounds} starts, and their ratios to `python -c pass`\n")
    print("| program | wall clock | | processor | |\n|---|---|---|---|---|")
    for name, (wall, processor) in medians.items():
        ratios = f"{wall / base[0]:.1f}", f"{processor / base[1]:.1f}"
        print(
            f"| {name if name == COMPLETION else f'`{name}`'} | {wall:.3f} s | {ratios[0]} | {processor:.3f} s | {ratios[1]} |"
        )


if __name__ == "__main__":
    main()
