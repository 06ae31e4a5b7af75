"""SIGTERM and Ctrl-C: whether the run was asked to stop, and when it may."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Interrupted

log = logging.getLogger(__name__)


@contextmanager
def handle_termination_signals(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle SIGTERM and SIGINT with `handle` inside the block. Only for the main thread."""
    before = {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopRequest:
    """Whether a signal asked the run to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.deferred = False
        """While True, the loop checks `requested` where it can stop; else the signal raises Interrupted."""

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        log.warning("%s: stopping with a checkpoint", signal.Signals(number).name)
        first, self.requested = not self.requested, True
        if first and not self.deferred:
            raise Interrupted

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT inside the block; outside the main thread, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        with handle_termination_signals(self._handle):
            yield

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
