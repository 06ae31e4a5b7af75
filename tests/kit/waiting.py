"""How a test waits: it polls a condition, with a limit that only a failure reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT = 120.0
"""Seconds after which a condition that does not hold is a failure.

Far longer than a busy machine takes; a test that passes never waits so long.
"""
TRAINING_LIMIT = 3600.0
"""The same for processes that import torch and train, which takes minutes on a very busy machine."""


def wait_until(condition: Callable[[], T], description: str, limit: float = LIMIT) -> T:
    """Polls until the condition is true.

    Args:
        condition: Called again and again.
        description: What the condition is, for the message of a failure.
        limit: Seconds.

    Returns:
        What the condition returned.

    Raises:
        AssertionError: The condition was not true within the limit.
    """
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {description}"
        time.sleep(0.05)
    return found


async def run_event_loop(iterations: int = 20) -> None:
    """Lets the other tasks of the event loop run that often, without waiting for time or files."""
    for _ in range(iterations):
        await asyncio.sleep(0)
