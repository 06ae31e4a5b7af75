"""The data files of a dataset split: on a mounted claim, in a Hugging Face repository or at URLs.

`open_source` finds them from `spec.dataset`; each file is fetched to the local disk when it is first
read. `ContentHash` hashes the files while they are read.
"""

from .content_hash import ContentHash
from .data_files import DataFile, Source
from .dispatch import open_source
from .download import scratch_directory
from .splits import COMPRESSIONS

__all__ = [
    "COMPRESSIONS",
    "ContentHash",
    "DataFile",
    "Source",
    "open_source",
    "scratch_directory",
]
