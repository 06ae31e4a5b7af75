"""A program in a pod that differs from a job's training pod in its command only: user, root file system, scratch."""

from __future__ import annotations

import json
from typing import Any

from tests.kit.waiting import TRAINING_LIMIT, wait_until


def run_in_training_pod(
    installed: Any, training_job: dict[str, Any], name: str, script: str
) -> tuple[str, str]:
    """Runs a Python program in the place of a training, and deletes its pod.

    Args:
        installed: The chart on the real node.
        training_job: The Job whose pod is taken as the pattern; it is restricted, as every training's is.
        name: The name of the pod.
        script: The program.

    Returns:
        The phase in which the pod ended, and its log.
    """
    namespace = training_job["metadata"]["namespace"]
    spec = training_job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    container |= {"command": ["python", "-c", script], "args": []}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["securityContext"]["runAsNonRoot"] is True
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(pod))

    def ended() -> str | None:
        path = "jsonpath={.status.phase}"
        phase = str(installed.kubectl("get", "pod", name, "-n", namespace, "-o", path))
        return phase if phase in ("Succeeded", "Failed") else None

    phase = wait_until(ended, f"the pod {name} ended", limit=TRAINING_LIMIT)
    log = str(installed.kubectl("logs", name, "-n", namespace))
    installed.kubectl("delete", "pod", name, "-n", namespace)
    return str(phase), log
