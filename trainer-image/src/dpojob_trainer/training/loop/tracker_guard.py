"""Keeps an experiment tracker that fails from ending the training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

log = logging.getLogger(__name__)
MESSAGE_LENGTH = 200


def guard_trackers(trainer: Any, notes: list[str]) -> None:
    """Wrap the trackers' callbacks: one that raises is left out from then on, with a note."""
    names = {kind: name for name, kind in INTEGRATION_TO_CALLBACK.items()}
    callbacks = trainer.callback_handler.callbacks
    for index, callback in enumerate(callbacks):
        if type(callback) in names:
            callbacks[index] = _GuardedCallback(callback, names[type(callback)], notes)


class _GuardedCallback:
    """A tracker's callback that is no longer called after its first exception."""

    def __init__(self, inner: Any, name: str, notes: list[str]) -> None:
        self._inner = inner
        self._name = name
        self._notes = notes
        self._failed = False

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        return self._guarded(found) if attribute.startswith("on_") else found

    def _guarded(self, event: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._failed:
                return None
            try:
                return event(*args, **kwargs)
            except Exception as error:
                self._failed = True
                lines = str(error).strip().splitlines() or [""]
                note = f"{self._name} failed and was left out from then on: {lines[0][:MESSAGE_LENGTH]}"
                log.warning("%s", note, exc_info=True)
                self._notes.append(note)
                return None

        return call
