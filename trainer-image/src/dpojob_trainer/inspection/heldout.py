"""Which accepted rows are held out for evaluation.

A row's prompt decides, through a hash: rows of one prompt stay on one side, so that no evaluation
prompt is trained on, and every reader of the same data comes to the same split.
"""

from __future__ import annotations

import hashlib
import json

from .rows import Pair

SCALE = float(1 << 64)


def place(pair: Pair) -> float:
    """Where the row's prompt falls in [0, 1), evenly spread over prompts."""
    prompt = pair.prompt
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True)
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") / SCALE
