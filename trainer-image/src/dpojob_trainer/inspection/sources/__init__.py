"""The data files of a dataset split: on a mounted claim, in a Hugging Face repository or at URLs.

`open_source` finds them from `spec.dataset`; each file is fetched to the local disk when it is first
read. `ContentHash` hashes the files while they are read, and `check_unchanged` compares the hash with
the inspected one where they are read again.
"""

from .content_hash import ContentHash
from .data_files import DataFile, Source
from .dispatch import open_source
from .scratch import scratch_directory
from .splits import COMPRESSIONS
from .unchanged_source import check_unchanged

__all__ = [
    "COMPRESSIONS",
    "ContentHash",
    "DataFile",
    "Source",
    "check_unchanged",
    "open_source",
    "public_network",
    "scratch_directory",
]
