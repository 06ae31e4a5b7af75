"""SIGTERM and Ctrl-C: whether the run was asked to stop, and when it may."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .errors import Interrupted

log = logging.getLogger(__name__)


def handle_termination_signals(
    handle: Callable[[int, FrameType | None], None],
) -> dict[signal.Signals, Any]:
    """Handle SIGTERM and SIGINT with `handle` from now on. Only for the main thread.

    Args:
        handle: The handler.

    Returns:
        The handlers that it replaces, by signal.
    """
    return {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)}


class StopRequest:
    """Whether a signal asked the run to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.deferred = True
        """While True, a signal only sets `requested`, which the loop checks where it can stop; else it raises
        Interrupted."""
        self._listens = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        log.warning("%s: stopping with a checkpoint", signal.Signals(number).name)
        first, self.requested = not self.requested, True
        if first and not self.deferred:
            raise Interrupted

    def listen(self) -> None:
        """Handle SIGTERM and SIGINT to the end of the process. Only for the main thread."""
        handle_termination_signals(self._handle)
        self._listens = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT inside the block; do nothing outside the main thread, and after `listen`."""
        if self._listens or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = handle_termination_signals(self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a signal inside the block, or one that came before it, raise Interrupted.

        After the block, whether it returns or fails, a signal only sets `requested`.
        """
        self.deferred = False
        try:
            if self.requested:
                raise Interrupted
            yield
        finally:
            self.deferred = True

    @contextmanager
    def defer(self) -> Iterator[None]:
        """Let a signal inside the block only set `requested`."""
        self.deferred = True
        try:
            yield
        finally:
            self.deferred = False

    def in_any_process(self, *, save_due: bool = False) -> tuple[bool, bool]:
        """Whether any process was asked to stop, and whether a checkpoint is due in any.

        Every process must call this at the same point, so that all get the same answer.
        """
        import torch
        from accelerate import PartialState

        state = PartialState()
        if state.num_processes == 1:
            return self.requested, save_due
        flags = torch.tensor([int(self.requested), int(save_due)], device=state.device)
        torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
        stop, save = flags.tolist()
        return bool(stop), bool(save)
