"""The processes of controllers under measurement."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kit.ports import free_port
from tests.kit.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Controller:
    """One process, its account on the API server, and its log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        probes: str,
    ) -> None:
        """`probes`: address of its /readyz."""
        self.name = name
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._log = log
        self.probes = probes
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None and self._process.poll() is None, self.last_lines()
        return self._process.pid

    def start(self) -> None:
        """Starts the process, without waiting until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, cwd=ROOT
            )

    def wait_ready(self) -> None:
        """Waits for /readyz."""
        wait_until(lambda: self.pid and answers(f"{self.probes}/readyz"), f"{self.name} is ready")

    def stop(self, grace: float = 30.0) -> None:
        """Ends it by SIGTERM; by SIGKILL where it does not end in time."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-4000:]


def answers(url: str) -> bool:
    """Whether a URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


OPERATOR = (sys.executable, "-m", "dpojob_operator")
"""The command of the operator's image."""
LEASE_SECONDS = "120"
"""Longer than by default, so that the operator does not end where other programs keep the machine busy."""


def operator(
    kubeconfig: Path, directory: Path, command: Sequence[str] = OPERATOR, **settings: str
) -> Controller:
    """This operator as it ships: a process, with leader election, for all namespaces."""
    port = free_port()
    chosen = {
        "INSPECT_IMAGE": "inspect:bench",
        "TRAIN_IMAGE": "train:bench",
        "HTTP_PORT": str(port),
        "HUB_ENDPOINT": "none",
        "LEADER_ELECTION": "true",
        "LEASE_SECONDS": LEASE_SECONDS,
        **settings,
    }
    environment = {f"DPOJOB_OPERATOR_{name}": value for name, value in chosen.items()}
    environment |= {"KUBECONFIG": str(kubeconfig), "TMPDIR": str(directory)}
    # The image holds the bytecode of all modules; here the first start makes it.
    environment |= {
        "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    log = directory / "dpojob-operator.log"
    return Controller("dpojob-operator", command, environment, log, f"http://127.0.0.1:{port}")
