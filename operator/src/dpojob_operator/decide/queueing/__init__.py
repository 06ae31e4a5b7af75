"""What a user or a queueing system holds back: the condition Suspended, and edits of a job's queue and priority."""

from .queue_labels import apply_queue_edits
from .suspension import hold_if_suspended, update_suspended

__all__ = ["apply_queue_edits", "hold_if_suspended", "update_suspended"]
