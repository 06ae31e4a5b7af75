"""The page of a job, open in a browser while the job runs."""

from __future__ import annotations

import subprocess

from tests.kit.waiting import TRAINING_LIMIT

STATE = """[
    document.querySelector("h1 .badge")?.dataset.phase ?? "",
    Number(document.querySelector("[data-chart=loss]")?.dataset.points ?? 0),
]"""
"""The job's phase and the points of its loss on the page, as JavaScript."""


def states_until_finished(page, kubectl, namespace, name):
    """What the page shows, one after the other, until kubectl says that the job has finished."""
    command = ["wait", "--for=condition=Finished", f"dpojob/{name}", "-n", namespace]
    waiting = subprocess.Popen([*kubectl.base, *command, f"--timeout={TRAINING_LIMIT:.0f}s"])
    seen = []
    while waiting.poll() is None:
        state = page.evaluate(STATE)
        if state not in seen:
            seen.append(state)
        page.wait_for_timeout(50)
    return seen
