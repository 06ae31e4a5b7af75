"""The model's tokenizer as transformers loads it, from tokenizer.json alone."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from dpojob_trainer.inspection.model.files import ModelFiles, read_json
from dpojob_trainer.inspection.model.tokenizer_config import TokenizerConfig
from dpojob_trainer.shared.errors import model_unreadable

TOKENIZER = "tokenizer.json"


def open_tokenizer(files: ModelFiles, config: TokenizerConfig, model_type: str) -> Tokenizer | None:
    """The tokenizer; None when the model has none in the form that needs no code of its own.

    Raises InspectionError when the file is there and damaged.
    """
    serial = read_json(files, TOKENIZER)
    if serial is None:
        return None
    model = serial.get("model")
    if isinstance(model, dict) and model.get("type", "BPE") == "BPE":
        serial.update(_rebuilt().get(model_type, {}))
    try:
        tokenizer = Tokenizer.from_str(json.dumps(serial))
    except Exception as problem:  # the library raises nothing narrower
        raise model_unreadable(
            f"{TOKENIZER} of {files.source} cannot be read: {str(problem).splitlines()[0][:150]}"
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _add_tokens(tokenizer, config)
    return tokenizer


@cache
def _rebuilt() -> dict[str, dict[str, Any]]:
    """Parts that transformers takes from its own class, by model type; see `generate`."""
    table = json.loads(Path(__file__).with_name("rebuilt.json").read_text())
    return dict(table["models"])


def _add_tokens(tokenizer: Tokenizer, config: TokenizerConfig) -> None:
    """Tokens that only tokenizer_config.json knows."""
    known = tokenizer.get_vocab()
    stated = config.settings.get("added_tokens_decoder")
    for entry in stated.values() if isinstance(stated, dict) else ():
        content = entry.get("content") if isinstance(entry, dict) else None
        if isinstance(content, str) and content and content not in known:
            flags = {
                key: bool(entry.get(key))
                for key in ("lstrip", "rstrip", "single_word", "normalized")
            }
            tokenizer.add_tokens([AddedToken(content, special=bool(entry.get("special")), **flags)])
