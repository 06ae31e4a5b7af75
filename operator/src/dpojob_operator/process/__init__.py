"""The process itself: its settings, clock, metrics and health probes, and how its parts run together.

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
    "metrics",
    "probes",
    "settings",
    "task_supervisor",
    "version",
]
