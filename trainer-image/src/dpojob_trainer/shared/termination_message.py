"""The container's termination message: a JSON document that the kubelet copies into the Pod's status.

Each stage shortens its own document to `TERMINATION_MESSAGE_BYTES`; `encode` measures it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def encode(document: Mapping[str, Any]) -> bytes:
    """The document as compact JSON in UTF-8; half a surrogate pair becomes a question mark."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def write_termination_message(document: Mapping[str, Any], path: Path) -> None:
    """Write the document to `path`; without a kubelet that file cannot exist, and nothing is written."""
    if path.parent.is_dir() and (path.exists() or os.access(path.parent, os.W_OK)):
        content = encode(document)
        with path.open("r+b" if path.exists() else "wb", buffering=0) as file:
            # A process that is killed meanwhile leaves this document or the one before, whichever is longer: spaces
            # end a JSON document.
            file.write(content.ljust(os.fstat(file.fileno()).st_size))
            os.truncate(file.fileno(), len(content))
