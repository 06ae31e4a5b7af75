"""Commands on a manifest that need no cluster: `inspect`, `plan`, `train`, `evaluate`.

`request` holds what they share.
"""

__all__ = ["evaluate", "inspect", "plan", "request", "train"]
