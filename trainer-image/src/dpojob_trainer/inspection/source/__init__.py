"""Where the pairs come from: a volume, the hub or http(s) addresses, always as local files."""

from .base import DataFile, Source
from .open import open_source

__all__ = ["DataFile", "Source", "open_source"]
