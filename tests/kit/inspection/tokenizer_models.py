"""A tiny model with a tokenizer and a chat template, as far as inspection looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.kit.inspection.volume_fixture import make_bare_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMS = CHATML.replace("message['content']", "message['content'] | trim")
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + TRIMS
)


def make_model(directory: Path, template: str | None = CHATML, **config: Any) -> Path:
    """One token per byte, two at the ends of a turn."""
    make_bare_model(directory, **config)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({letter: at for at, letter in enumerate(alphabet)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    raw.save(str(directory / "tokenizer.json"))
    config_json = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}
    (directory / "tokenizer_config.json").write_text(
        json.dumps(config_json if template is None else {**config_json, "chat_template": template})
    )
    return directory
