"""Runs a function without the output that libraries print."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def silence_output(action: Callable[[], Result]) -> Result:
    """The result of `action`, with its standard output and error discarded."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return action()
