"""Adapters on their base model: loaded for training, and merged into the base's files.

The package imports none of its modules: they import torch, which takes seconds.
"""

__all__ = ["loading", "merge_check", "merging", "placeholders"]
