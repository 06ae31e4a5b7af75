"""The training container's command, `python -m dpojob_trainer train`, as a process of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1
ERROR_CHARACTERS = 800


class TrainerProcess:
    """One attempt at a job; its files lie in `root`.

    On a card it is a process of its own. The rehearsal forks it from the worker, which has imported
    everything already: importing takes most of a rehearsal's time.
    """

    def __init__(
        self, job: Any, root: Path, *, fork: bool, variables: Mapping[str, str] | None = None
    ) -> None:
        from dpojob_trainer.training.launch.rendezvous import free_port

        self._root = root
        self.port = free_port()
        environment = {
            **os.environ,
            **_write_inputs(job, root),
            "DPOJOB_TERMINATION_LOG": str(root / "termination-log"),
            "DPOJOB_PROGRESS_PORT": str(self.port),
            "DPOJOB_OUTCOMES": str(root),
            **(variables or {}),
        }
        log = (root / "log").open("ab")
        with log:
            if fork:
                self._pid = _fork(environment, log.fileno())
                return
            command = [sys.executable, "-m", "dpojob_trainer", "train"]
            # Kept, since subprocess waits for the processes of objects that are gone.
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            self._pid = self._process.pid

    def wait(self, seconds: float = 600.0) -> int:
        """The exit status. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"the trainer did not end within {seconds:g} s")

    def wait_for_step(self, step: int, seconds: float = 300.0) -> dict[str, Any]:
        """The progress once `step` is done. Raises RuntimeError where the process ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                raise RuntimeError(f"the trainer ended before step {step}: {self.log()}")
            progress = self._progress()
            if progress is not None and progress.get("step", 0) >= step:
                return progress
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"step {step} was not reached within {seconds:g} s: {self.log()}")

    def terminate(self) -> None:
        """SIGTERM, as the kubelet sends it."""
        os.kill(self._pid, signal.SIGTERM)

    def outcome(self, rank: int | None = None) -> dict[str, Any]:
        """The termination message, or what one of several processes left for the launcher."""
        file = "termination-log" if rank is None else f"{rank}.json"
        found: dict[str, Any] = json.loads((self._root / file).read_text())
        return found

    def log(self) -> str:
        """The end of what it printed."""
        return (self._root / "log").read_text(errors="replace")[-ERROR_CHARACTERS:]

    def _progress(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/progress", timeout=5
            ) as reply:
                found: dict[str, Any] = json.loads(reply.read())
                return found
        except (OSError, ValueError):
            return None


def _write_inputs(job: Any, root: Path) -> dict[str, str]:
    """The input files as the operator mounts them, and the variables that name them."""
    from dpojob_api import constants

    inputs = root / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    manifest = {"metadata": {"name": job.name, "uid": job.uid}, "spec": job.spec.wire()}
    files = {
        constants.INPUT_MANIFEST: manifest,
        constants.INPUT_REPORT: job.report.wire(),
        constants.INPUT_PLAN: job.plan.wire(),
        constants.INPUT_VOLUMES: {claim: str(path) for claim, path in job.volumes.items()},
    }
    for name, document in files.items():
        (inputs / name).write_text(json.dumps(document))
    return {constants.ENV_INPUTS: str(inputs), constants.ENV_SCRATCH: str(root / "scratch")}


def _fork(environment: Mapping[str, str], log: int) -> int:
    """Run the container's command in a copy of this process; its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for stream in (1, 2):
            os.dup2(log, stream)
        os.environ.clear()
        os.environ.update(environment)
        from accelerate.state import AcceleratorState, PartialState

        # They hold what this process was when it was copied: alone.
        AcceleratorState._reset_state(reset_partial_state=True)
        PartialState._reset_state()
        from dpojob_trainer.__main__ import main

        status = int(main(["train"]))
    finally:
        os._exit(status)
