"""A container that is asked to stop while it trains."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from dpojob_api.progress import Progress


def terminate_at(step: int, stage: str = "Training") -> Callable[[Progress], None]:
    """SIGTERM to ourselves, as the kubelet sends it, once."""
    sent: list[int] = []

    def listen(progress: Progress) -> None:
        if not sent and progress.step >= step and progress.stage == stage:
            sent.append(progress.step)
            os.kill(os.getpid(), signal.SIGTERM)

    return listen
