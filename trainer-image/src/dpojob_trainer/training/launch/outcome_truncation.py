"""The last word: an Outcome that fits the container's termination message."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dpojob_api.constants import TERMINATION_MESSAGE_BYTES
from dpojob_api.progress import Outcome

ENV_TERMINATION_LOG = "DPOJOB_TERMINATION_LOG"
"""Where the last word goes; for tests and for running without a kubelet."""
DEFAULT_PATH = "/dev/termination-log"


def fit(outcome: Outcome, limit: int = TERMINATION_MESSAGE_BYTES) -> bytes:
    """The outcome as JSON of at most `limit` bytes.

    Samples are shortened first, then dropped from the end, then the message is cut: figures and
    artifacts always stay.
    """
    for length in (600, 300, 150, 80):
        shortened = outcome.model_copy(
            update={
                "samples": [
                    sample.model_copy(
                        update={
                            "prompt": _cut(sample.prompt, length),
                            "before": None
                            if sample.before is None
                            else _cut(sample.before, length),
                            "after": None if sample.after is None else _cut(sample.after, length),
                        }
                    )
                    for sample in outcome.samples[:4]
                ]
            }
        )
        text = _encode(shortened)
        if len(text) <= limit:
            return text
    for keep in (2, 1, 0):
        shortened = shortened.model_copy(update={"samples": shortened.samples[:keep]})
        text = _encode(shortened)
        if len(text) <= limit:
            return text
    for length in (1500, 700, 300, 100):
        progress = shortened.progress
        health = progress.health.model_copy(
            update={"message": _cut(progress.health.message, length)}
        )
        shortened = shortened.model_copy(
            update={
                "message": _cut(outcome.message, length),
                "progress": progress.model_copy(update={"health": health}),
            }
        )
        text = _encode(shortened)
        if len(text) <= limit:
            return text
    raise ValueError(f"an outcome without text still takes {len(text)} bytes")


def write(outcome: Outcome, path: Path | None = None) -> None:
    """Write the last word where the kubelet reads it; where there is no kubelet, nowhere."""
    path = path or Path(os.environ.get(ENV_TERMINATION_LOG, DEFAULT_PATH))
    if path.parent.is_dir() and (path.exists() or os.access(path.parent, os.W_OK)):
        path.write_bytes(fit(outcome))


def _encode(outcome: Outcome) -> bytes:
    return json.dumps(outcome.wire(), ensure_ascii=False, separators=(",", ":")).encode(
        errors="replace"
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
