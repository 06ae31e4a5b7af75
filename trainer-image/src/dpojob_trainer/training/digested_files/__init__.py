"""Files whose digest is computed while they are written, and files that several jobs write to one directory.

A checkpoint may be larger than the memory that is free, so that reading it for its digest would take as long as
writing it. Nothing here imports torch, which reads the variables that the session sets.
"""

from .file_digests import DigestingFile, FileDigests, read_digest
from .shared_directory import remove_oldest, writing_whole

__all__ = [
    "DigestingFile",
    "FileDigests",
    "file_digests",
    "read_digest",
    "remove_oldest",
    "shared_directory",
    "writing_whole",
]
