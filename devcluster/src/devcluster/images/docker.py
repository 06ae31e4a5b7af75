"""Calls of Docker, which builds images for kind and for registries without buildah."""

import os
import shutil
import subprocess
from pathlib import Path

from devcluster.host import console
from devcluster.host.errors import DevclusterError

_SECONDS_TO_ANSWER = 15


def works() -> bool:
    """Whether there is a Docker engine that answers."""
    if shutil.which("docker") is None:
        return False
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, timeout=_SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def build(name: str, context: Path, file: Path, target: str | None, arguments: list[str]) -> None:
    """Build a Dockerfile by BuildKit, on the base image that it names unless an argument names another."""
    command = ["docker", "build", "--file", str(file), "--tag", name]
    for argument in arguments:
        command += ["--build-arg", argument]
    if target:
        command += ["--target", target]
    _run(f"building {name}", *command, str(context))


def push(name: str) -> None:
    """Push an image to the registry that its name begins with."""
    _run(f"pushing {name}", "docker", "push", name)


def _run(what: str, *command: str) -> None:
    """One command, whose output is shown to the user as it is printed."""
    console.log(what)
    with console.heartbeat(what):
        # An engine before 23 takes its old builder, which builds stages that nobody asked for.
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        if subprocess.run(command, stdout=2, env=environment, check=False).returncode:
            raise DevclusterError(f"{what} failed; see above")
