"""Writes how transformers rebuilds tokenizers that it does not take from tokenizer.json as they are.

    python -m dpojob_trainer.inspection.tokenization.generate

transformers 5 takes vocabulary and merges of the Qwen models from the file, and normalizer and
pre-tokenizer from its own class. Their own files say the same; a tokenizer trained anew may not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("rebuilt.json")
CLASSES = ("Qwen2Tokenizer",)


def table() -> dict[str, Any]:
    """Collect the normalizer and pre-tokenizer of each model type from transformers.

    Returns:
        The table, as it is written to a file: both parts by model type, as tokenizer.json writes them.
    """
    import transformers
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    found = {}
    for name in CLASSES:
        built = getattr(transformers, name)(vocab={"a": 0, "<|endoftext|>": 1}, merges=[])
        serial = json.loads(built.backend_tokenizer.to_str())
        parts = {key: serial[key] for key in ("normalizer", "pre_tokenizer")}
        for model_type, class_name in TOKENIZER_MAPPING_NAMES.items():
            if class_name == name:
                found[model_type] = parts
    return {"transformers": transformers.__version__, "models": dict(sorted(found.items()))}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n")
    print(f"wrote {TABLE.name}")
