"""Without what the libraries print."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def silence_output(action: Callable[[], Result]) -> Result:
    """What `action` gives."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return action()
