"""Commands against the cluster, shared by the demo, the image builds and the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = os.environ.get("CONTEXT", "")
"""Name of a kubeconfig context: the user's cluster instead of the one made here."""
STARTED = time.monotonic()


def log(text: str) -> None:
    """One line of progress, with the time since the start."""
    elapsed = int(time.monotonic() - STARTED)
    print(f"[{elapsed // 60:2d}:{elapsed % 60:02d}] {text}", flush=True)


def run(*command: str, input: str | None = None, capture: bool = True) -> str:
    """Runs a command from the repository root; exits with the end of its output when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, input=input, text=True, capture_output=capture, check=False
    )
    if done.returncode:
        output = "\n".join(filter(None, [done.stdout, done.stderr])) if capture else ""
        script = Path(sys.argv[0]).stem
        sys.exit(f"{script}: '{' '.join(command)}' failed ({done.returncode})\n{output[-4000:]}")
    return done.stdout or ""


def devcluster(*arguments: str, capture: bool = True) -> str:
    """`python -m devcluster ...` with this interpreter."""
    return run(sys.executable, "-m", "devcluster", *arguments, capture=capture)


class Kubectl:
    """kubectl against the cluster made here, or against CONTEXT."""

    def __init__(self) -> None:
        if CONTEXT:
            self.base: Sequence[str] = ("kubectl", "--context", CONTEXT)
            self.environment = dict(os.environ)
        else:
            kubeconfig = devcluster("kubeconfig").strip()
            self.base = (devcluster("bin", "kubectl").strip(), "--kubeconfig", kubeconfig)
            self.environment = {**os.environ, "KUBECONFIG": kubeconfig}

    def __call__(self, *arguments: str, input: str | None = None) -> str:
        """The command's output; exits when it fails."""
        return run(*self.base, *arguments, input=input)

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The result of the command, also when it fails."""
        return subprocess.run([*self.base, *arguments], text=True, capture_output=True, check=False)

    def apply(self, manifest: str) -> None:
        """Server-side apply."""
        self("apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)
