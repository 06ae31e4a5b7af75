"""The exception whose message is written for the user."""

import subprocess


class DevclusterError(Exception):
    """Something the user can act on; the message says what to do. Shown without a traceback."""


def explain(result: "subprocess.CompletedProcess[str]", what: str) -> DevclusterError:
    """The error for a finished command, with the end of its output."""
    out, err = ((text or "").splitlines() for text in (result.stdout, result.stderr))
    output = "\n".join(out[-10:] + err[-15:])
    return DevclusterError(f"{what} failed (exit status {result.returncode}):\n{output}")
