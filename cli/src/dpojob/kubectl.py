"""The cluster, by way of the user's own kubectl: its login, its context, its rights."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dpojob_api.constants import LABEL_JOB_UID, LABEL_STAGE
from dpojob_api.job import DPOJob

from .errors import CommandError

RESOURCE = "dpojobs.dpojob.dev"


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the namespace and context that were asked for."""

    namespace: str | None = None
    context: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """The command line. Raises CommandError when kubectl is not installed."""
        program = shutil.which("kubectl")
        if program is None:
            raise CommandError(
                "kubectl is not on PATH; install it, or use inspect, plan and train", reason=None
            )
        chosen = [f"--context={self.context}"] if self.context else []
        chosen += [f"--namespace={self.namespace}"] if self.namespace else []
        return [program, *chosen, *arguments]

    def run(self, *arguments: str) -> str:
        """What kubectl prints. Raises CommandError with kubectl's own words."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, encoding="utf-8", check=False
        )
        if done.returncode != 0:
            raise CommandError(explain(done.stderr.strip(), arguments), reason=None)
        return done.stdout

    def json(self, *arguments: str) -> dict[str, Any]:
        """What kubectl prints with `-o json`."""
        value: dict[str, Any] = json.loads(self.run(*arguments, "-o", "json"))
        return value

    def job(self, name: str) -> DPOJob:
        """The DPOJob of that name as it is now."""
        return DPOJob.model_validate(self.json("get", RESOURCE, name))

    def patch(self, name: str, patch: dict[str, Any]) -> None:
        """Merges `patch` into the DPOJob."""
        self.run("patch", RESOURCE, name, "--type=merge", "-p", json.dumps(patch))

    def pods(self, job: DPOJob) -> list[dict[str, Any]]:
        """The job's pods, oldest first."""
        selector = f"{LABEL_JOB_UID}={job.metadata.get('uid', '')}"
        items: list[dict[str, Any]] = self.json("get", "pods", "-l", selector)["items"]
        return sorted(items, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    def stream(self, *arguments: str) -> int:
        """Runs kubectl on this terminal; its exit status."""
        return subprocess.run(self.command(*arguments), check=False).returncode


def explain(message: str, arguments: Sequence[str]) -> str:
    """kubectl's message, with what to do about it where that is known."""
    if "the server doesn't have a resource type" in message:
        return (
            f"{message}\nThe DPOJob CRDs are not installed in this cluster: kubectl apply -f crds/"
        )
    if "NotFound" in message and RESOURCE in message:
        return f"{message}\n`kubectl get dpo -A` lists the jobs of all namespaces; -n chooses one"
    return message or f"kubectl {' '.join(arguments)} failed and said nothing"


def stage(pod: dict[str, Any]) -> str:
    """Which stage of the job a pod serves: inspect or train."""
    return str(pod["metadata"].get("labels", {}).get(LABEL_STAGE, ""))
