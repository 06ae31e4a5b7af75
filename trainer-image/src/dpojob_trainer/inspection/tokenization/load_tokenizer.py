"""Loads the model's tokenizer from tokenizer.json, as transformers does."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from dpojob_trainer.inspection.model import ModelFiles, TokenizerConfig, read_json
from dpojob_trainer.shared.errors import ModelUnreadable

TOKENIZER = "tokenizer.json"


def open_tokenizer(files: ModelFiles, config: TokenizerConfig, model_type: str) -> Tokenizer | None:
    """Load the tokenizer.

    Args:
        files: The model's files.
        config: The tokenizer's settings.
        model_type: `model_type` of the model's config.

    Returns:
        The tokenizer, or None when the model has no tokenizer.json.

    Raises:
        ModelUnreadable: tokenizer.json is damaged.
    """
    data = files.read(TOKENIZER)
    if data is None:
        return None
    tokenizer = _parsed(files, data, _rebuilt().get(model_type, {}))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _add_tokens(tokenizer, config)
    return tokenizer


def _parsed(files: ModelFiles, data: bytes, rebuilt: dict[str, Any]) -> Tokenizer:
    """The tokenizer of a tokenizer.json, of whose BPE model `rebuilt` replaces some parts."""
    if not rebuilt:
        # Read by the library alone, which takes half of the time. What it refuses is read by Python as well, which
        # accepts more of JSON and says better what is wrong with it.
        with suppress(Exception):  # the library raises nothing narrower
            return Tokenizer.from_buffer(data)
    serial = read_json(files, TOKENIZER) or {}
    model = serial.get("model")
    if isinstance(model, dict) and model.get("type", "BPE") == "BPE":
        serial.update(rebuilt)
    try:
        return Tokenizer.from_str(json.dumps(serial))
    except Exception as problem:
        raise ModelUnreadable(
            f"{TOKENIZER} of {files.source} cannot be read: {str(problem).splitlines()[0][:150]}"
        ) from None


@cache
def _rebuilt() -> dict[str, dict[str, Any]]:
    """Parts that transformers takes from its own class, by model type; see `generate`."""
    table = json.loads(Path(__file__).with_name("rebuilt.json").read_text())
    return dict(table["models"])


def _add_tokens(tokenizer: Tokenizer, config: TokenizerConfig) -> None:
    """Add the tokens that only tokenizer_config.json lists."""
    stated = config.settings.get("added_tokens_decoder")
    for entry in stated.values() if isinstance(stated, dict) else ():
        content = entry.get("content") if isinstance(entry, dict) else None
        if isinstance(content, str) and content and tokenizer.token_to_id(content) is None:
            flags = {
                key: bool(entry.get(key))
                for key in ("lstrip", "rstrip", "single_word", "normalized")
            }
            tokenizer.add_tokens([AddedToken(content, special=bool(entry.get("special")), **flags)])
