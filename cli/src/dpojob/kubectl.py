"""Access to the cluster through the user's kubectl, with its credentials, context and permissions."""

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
"""The DPOJob resource, as kubectl names it."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a namespace and a context.

    Attributes:
        namespace: The namespace of every call; None for kubectl's default.
        context: The context of every call; None for kubectl's current one.
    """

    namespace: str | None = None
    context: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Builds a command line.

        Args:
            *arguments: kubectl's arguments, without namespace and context.

        Returns:
            The program's path and all its arguments.

        Raises:
            CommandError: kubectl is not installed.
        """
        program = shutil.which("kubectl")
        if program is None:
            raise CommandError(
                "kubectl is not on PATH; install it, or use inspect, plan and train", reason=None
            )
        flags = [f"--context={self.context}"] if self.context else []
        flags += [f"--namespace={self.namespace}"] if self.namespace else []
        return [program, *flags, *arguments]

    def run(self, *arguments: str) -> str:
        """Runs kubectl.

        Args:
            *arguments: kubectl's arguments.

        Returns:
            Its standard output.

        Raises:
            CommandError: kubectl failed; the message is kubectl's, with a hint where one is known.
        """
        process = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, encoding="utf-8", check=False
        )
        if process.returncode != 0:
            raise CommandError(explain_error(process.stderr.strip(), arguments), reason=None)
        return process.stdout

    def json(self, *arguments: str) -> dict[str, Any]:
        """Runs kubectl with `-o json`.

        Args:
            *arguments: kubectl's arguments.

        Returns:
            The parsed output.

        Raises:
            CommandError: kubectl failed.
        """
        value: dict[str, Any] = json.loads(self.run(*arguments, "-o", "json"))
        return value

    def job(self, name: str) -> DPOJob:
        """Reads a DPOJob.

        Args:
            name: Its name.

        Returns:
            The job as the API server holds it now.

        Raises:
            CommandError: kubectl failed, or there is no such job.
        """
        return DPOJob.model_validate(self.json("get", RESOURCE, name))

    def patch(self, name: str, patch: dict[str, Any]) -> None:
        """Applies a JSON merge patch to a DPOJob.

        Args:
            name: The job's name.
            patch: The patch.

        Raises:
            CommandError: kubectl failed, or there is no such job.
        """
        self.run("patch", RESOURCE, name, "--type=merge", "-p", json.dumps(patch))

    def pods(self, job: DPOJob) -> list[dict[str, Any]]:
        """Lists a job's pods.

        Args:
            job: The job as it was read, with its uid.

        Returns:
            The pods, oldest first.

        Raises:
            CommandError: kubectl failed.
        """
        selector = f"{LABEL_JOB_UID}={job.metadata.get('uid', '')}"
        items: list[dict[str, Any]] = self.json("get", "pods", "-l", selector)["items"]
        return sorted(items, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    def stream(self, *arguments: str) -> int:
        """Runs kubectl with this process's standard streams.

        Args:
            *arguments: kubectl's arguments.

        Returns:
            Its exit status.

        Raises:
            CommandError: kubectl is not installed.
        """
        return subprocess.run(self.command(*arguments), check=False).returncode


def explain_error(message: str, arguments: Sequence[str]) -> str:
    """Adds a hint to an error message of kubectl where a remedy is known.

    Args:
        message: What kubectl printed on standard error.
        arguments: kubectl's arguments.

    Returns:
        The message for the user, never empty.
    """
    if "the server doesn't have a resource type" in message:
        return f"{message}\nThe DPOJob CRDs are not installed in this cluster: kubectl apply --server-side -f crds/"
    if "NotFound" in message and RESOURCE in message:
        return f"{message}\n`kubectl get dpo -A` lists the jobs of all namespaces; -n chooses one"
    return message or f"kubectl {' '.join(arguments)} failed without a message"


def pod_stage(pod: dict[str, Any]) -> str:
    """Reads the stage of the job that a pod belongs to.

    Args:
        pod: The Pod object.

    Returns:
        "inspect" or "train"; "" for a pod without the label.
    """
    return str(pod["metadata"].get("labels", {}).get(LABEL_STAGE, ""))
