"""Python's cyclic garbage collector, set for a process that starts with many objects and makes many short-lived ones.

A pass over a DPOJob makes thousands of objects, nearly all of which are freed by their reference counts. With
Python's own threshold of 700 the collector runs several times in each pass, and looks at all modules, classes and
validators again and again.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 20_000
"""Objects made and not freed until the young ones are searched: about what a few passes leave at once."""


def collect_seldom() -> None:
    """Leaves what exists out of all further collections, and makes these rarer; once, after the imports."""
    gc.collect()  # cycles that are frozen would never be freed
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
