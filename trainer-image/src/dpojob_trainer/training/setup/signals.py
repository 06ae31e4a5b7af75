"""Stop: whether the run was asked to end early, by SIGTERM or Ctrl-C."""

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
def ending_signals(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handle` have SIGTERM and SIGINT in the block. Of the main thread only."""
    before = {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stop:
    """Whether SIGTERM (or Ctrl-C) came, and what is in its way."""

    def __init__(self) -> None:
        self.asked = False
        self.deferred = False
        """While True, the loop looks at `asked` at its own safe points; else the signal raises."""

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        log.warning("%s: stopping with a checkpoint", signal.Signals(number).name)
        first, self.asked = not self.asked, True
        if first and not self.deferred:
            raise Interrupted

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT in the block; in another thread than the main one, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        with ending_signals(self._handle):
            yield

    @contextmanager
    def defer(self) -> Iterator[None]:
        """Let a signal in the block only set `asked`; raise at its end where nothing looked at it."""
        self.deferred = True
        try:
            yield
        finally:
            self.deferred = False

    def anywhere(self, *, save_due: bool = False) -> tuple[bool, bool]:
        """Whether any process was asked to stop, and whether any finds a checkpoint due.

        Every process must call this together, so that all come to the same answer.
        """
        import torch
        from accelerate import PartialState

        state = PartialState()
        if state.num_processes == 1:
            return self.asked, save_due
        flags = torch.tensor([int(self.asked), int(save_due)], device=state.device)
        torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
        stop, save = flags.tolist()
        return bool(stop), bool(save)
