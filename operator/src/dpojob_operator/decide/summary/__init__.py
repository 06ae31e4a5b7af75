"""The part of the status that follows from the rest: Ready, Stalled, the wait for a node, printer columns.

`advice` has a sentence for each reason of waiting that a person may act on.
"""

from .advice import ADVICE
from .queue_wait import update_queue_wait
from .status_summary import summarise

__all__ = ["ADVICE", "queue_wait", "summarise", "update_queue_wait"]
