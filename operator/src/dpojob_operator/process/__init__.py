"""The process itself: its settings, clock, metrics and health probes, how its parts run together, and
how they share out work.

The modules with I/O (`metrics`, `probes`, `task_supervisor`) are imported by name, so that pure packages
can import the settings without them.
"""

from .clock import Clock, ServerClock
from .settings import Settings, SettingsError, WorkloadSettings

__all__ = [
    "Clock",
    "ServerClock",
    "Settings",
    "SettingsError",
    "WorkloadSettings",
    "fair_tasks",
    "garbage_collection",
    "metrics",
    "probes",
    "ready_keys",
    "settings",
    "task_supervisor",
    "version",
]
