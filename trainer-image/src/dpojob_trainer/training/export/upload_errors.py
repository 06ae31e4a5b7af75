"""The error of an upload that may succeed when it is tried again."""

from __future__ import annotations


class TransientError(Exception):
    """An upload failed for a reason that may be temporary."""
