"""The HTTP server of an operator's process: its address, and its answers."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

from tests.kit.operator_fixture import LIMIT, JobNamespace, Process


def address(job_namespace: JobNamespace, process: Process) -> str:
    """The address of the process's HTTP server, from its log."""
    found = job_namespace.until(
        "the log has the port",
        lambda: re.search(r"/metrics at \[.*?'0\.0\.0\.0', (\d+)\)", process.log.read_text()),
    )
    return f"http://127.0.0.1:{found[1]}"


def ask(url: str) -> tuple[int, str]:
    """The status and the text of an answer; 0 where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
