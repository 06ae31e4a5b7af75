"""Benchmark tasks of lm-evaluation-harness, without the harness: which exist, and what a task's file holds.

The inspection's image has no lm-eval; the trainer's has it and reads both from here too.
"""

from .task_digest import task_digest
from .task_file import DATASET_FORMATS, TaskFileError, read_task_file
from .task_index import IndexEntry, TaskRequirement, index_version, nearest_task, read_index

__all__ = [
    "DATASET_FORMATS",
    "IndexEntry",
    "TaskFileError",
    "TaskRequirement",
    "index_version",
    "nearest_task",
    "read_index",
    "read_task_file",
    "task_digest",
]
