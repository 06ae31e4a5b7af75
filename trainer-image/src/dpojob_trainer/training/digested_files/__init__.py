"""Files whose digest is computed while they are written, so that none is read again for it.

A checkpoint may be larger than the memory that is free, so that reading it would take as long as writing it.
"""

from .file_digests import FileDigests, read_digest
from .tensor_file import write_tensors

__all__ = ["FileDigests", "file_digests", "read_digest", "tensor_file", "write_tensors"]
