"""The data files of a dataset split: on a mounted claim, in a Hugging Face repository or at URLs.

`open_source` finds them from `spec.dataset`, and `FoundSource.fetch` brings them to the local disk, where
readers read them. `ContentHash` hashes the files while they are read, and `check_unchanged` compares the hash with
the inspected one where they are read again.
"""

from .content_hash import ContentHash
from .data_files import DataFile, FoundSource, Source
from .dispatch import open_source
from .scratch import scratch_directory
from .splits import COMPRESSIONS
from .unchanged_source import check_unchanged

__all__ = [
    "COMPRESSIONS",
    "ContentHash",
    "DataFile",
    "FoundSource",
    "Source",
    "check_unchanged",
    "deadline_network",
    "open_source",
    "public_network",
    "scratch_directory",
]
