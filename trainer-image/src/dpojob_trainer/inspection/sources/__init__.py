"""Where the pairs come from: a volume, the hub or http(s) addresses, always as local files."""

from .data_files import DataFile, Source
from .dispatch import open_source

__all__ = ["DataFile", "Source", "open_source"]
