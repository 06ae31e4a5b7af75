"""The `dpojob` command, also `kubectl dpo`: makes, inspects, plans and trains jobs, or follows those of a cluster.

`main` is the entry point, `command_line` has the options, `commands` a module for each command, `cluster` the API
server and the client for programs, `views` formats what the commands print, and `trainer_bridge` alone calls the
trainer package. `DPOJob`, `Client` and `AsyncClient` are imported on first use, so that `dpojob --help` is quick.
"""

from __future__ import annotations

import importlib
import typing

if typing.TYPE_CHECKING:
    from dpojob_api.job import DPOJob

    from .cluster.client import AsyncClient
    from .cluster.sync_client import Client

__all__ = ["AsyncClient", "Client", "DPOJob", "main"]

_PLACES = {
    "AsyncClient": "dpojob.cluster.client",
    "Client": "dpojob.cluster.sync_client",
    "DPOJob": "dpojob_api.job",
}
"""Public name to the module that defines it."""


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
