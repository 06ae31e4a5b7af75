"""The key of tokenised rows: what they depend on, and nothing else."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("trl", "transformers", "tokenizers")
"""Packages that render and tokenise a pair."""
CHUNK_BYTES = 8 << 20


def rows_key(rows: Path, tokenizer: Any, settings: Mapping[str, object]) -> str:
    """Identify the tokens of a file of rows.

    Args:
        rows: The accepted rows, as `loop.data` writes them; the same rows have the same bytes.
        tokenizer: With its chat template and special tokens.
        settings: Whatever else decides about the tokens and the rows that are left out: `max_length`,
            `truncation_mode`.

    Returns:
        64 hexadecimal digits: SHA-256 over the rows, the tokenizer's files, settings and versions of libraries.
    """
    described = {
        "libraries": {name: version(name) for name in LIBRARIES},
        "settings": {name: str(value) for name, value in settings.items()},
        "tokenizer": type(tokenizer).__name__,
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    with tempfile.TemporaryDirectory() as directory:
        # The files hold everything that a tokenizer is loaded from, its template and special tokens included.
        tokenizer.save_pretrained(directory)
        for path in sorted(path for path in Path(directory).rglob("*") if path.is_file()):
            digest.update(f"\n{path.relative_to(directory)} {path.stat().st_size}\n".encode())
            _add(digest, path)
    _add(digest, rows)
    return digest.hexdigest()


def _add(digest: Any, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
