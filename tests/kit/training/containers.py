"""Containers as the cluster starts them, as processes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from tests.kit.ports import free_port
from tests.kit.waiting import LIMIT, TRAINING_LIMIT

from dpojob_api import constants
from dpojob_trainer.training import TrainJob


class Container:
    """One training container; what it needs and leaves lies in `root`."""

    def __init__(
        self,
        job: TrainJob,
        root: Path,
        variables: Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        module: str = "dpojob_trainer",
    ):
        """`inputs`: input files in place of the job's own; `module`: whose command `train` it runs."""
        self._root = root
        self.port = free_port()
        manifest = {
            "metadata": {"name": job.name, "namespace": job.namespace, "uid": job.uid},
            "spec": job.spec.wire(),
        }
        files = {
            constants.INPUT_MANIFEST: manifest,
            constants.INPUT_REPORT: job.report.wire(),
            constants.INPUT_PLAN: job.plan.wire(),
            constants.INPUT_VOLUMES: {k: str(v) for k, v in job.volumes.items()},
            **(inputs or {}),
        }
        directory = root / "inputs"
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in files.items():
            (directory / name).write_text(json.dumps(document))
        environment = {
            **os.environ,
            constants.ENV_INPUTS: str(directory),
            constants.ENV_SCRATCH: str(root / "scratch"),
            "DPOJOB_TERMINATION_LOG": str(root / "termination-log"),
            "DPOJOB_PROGRESS_PORT": str(self.port),
            **(variables or {}),
        }
        with (root / "log").open("wb") as log:
            command = [sys.executable, "-m", module, "train"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait(self) -> int:
        """The exit status."""
        return self._process.wait(timeout=TRAINING_LIMIT)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def log(self) -> str:
        """The end of what it printed."""
        return (self._root / "log").read_text(errors="replace")[-4000:]

    def termination_message(self) -> Any:
        """Its termination message."""
        return json.loads((self._root / "termination-log").read_text())

    def terminate(self) -> None:
        """SIGTERM to its first process, as the kubelet sends it."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to all its processes at once, as when a node is lost."""
        every = [self._process, *psutil.Process(self._process.pid).children(recursive=True)]
        for process in every:
            process.kill()

    def get(self, path: str) -> str:
        """What its progress server answers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=LIMIT) as answer:
            return str(answer.read().decode())

    def until(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first progress for which `reached` is true."""
        deadline = time.monotonic() + TRAINING_LIMIT
        while time.monotonic() < deadline and self.running:
            try:
                progress: dict[str, Any] = json.loads(self.get("/progress"))
                if reached(progress):
                    return progress
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the training ended before that, or took too long: {self.log()}")
