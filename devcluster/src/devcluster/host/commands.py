"""Programs that run to their end, and must succeed."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from devcluster.host.errors import explain


def run(
    *command: str,
    what: str | None = None,
    text: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program.

    Args:
        command: Its command line.
        what: Names it in the error, by default by its whole command line.
        text: Its standard input.
        env: Its environment, by default that of this process.
        cwd: Its working directory.

    Returns:
        Its standard output.

    Raises:
        DevclusterError: It failed; the message ends with the end of its output.
    """
    result = subprocess.run(
        command, input=text, env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise explain(result, what or " ".join(command))
    return result.stdout
