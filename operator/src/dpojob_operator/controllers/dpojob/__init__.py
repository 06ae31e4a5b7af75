"""The controller of DPOJobs: reads the state, calls `decide`, writes the status and executes actions."""

from .action_executor import ActionExecutor
from .progress_poller import ProgressPoller
from .reconciler import Reconciler
from .resync import Resync
from .state_reader import StateReader

__all__ = ["ActionExecutor", "ProgressPoller", "Reconciler", "Resync", "StateReader"]
