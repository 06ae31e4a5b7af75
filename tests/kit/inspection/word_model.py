"""The smallest model that an inspection reads: a few words, one layer, weights of zero."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 8,
    "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": 16, "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}  # fmt: skip
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


def write_word_model(directory: Path, words: Iterable[str] = ("yes", "no")) -> None:
    """Writes config, weights, tokenizer and chat template.

    Args:
        directory: The model's directory; made where it does not exist.
        words: What the tokenizer knows; every other word is one token.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(CONFIG))
    weights = {"model.embed_tokens.weight": numpy.zeros((16, 8), numpy.float32)}
    weights["model.layers.0.mlp.up_proj.weight"] = numpy.zeros((16, 8), numpy.float32)
    save_file(weights, str(directory / "model.safetensors"))
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
