"""A model for the benchmarks of inspection: config and weights, with or without a tokenizer."""

from __future__ import annotations

import json
import random
from pathlib import Path

from bench.inspect.pairs import words


def make_model(directory: Path, template: str | None) -> Path:
    """The files of a model that inspection reads.

    With a template it has a byte-level BPE tokenizer of 8,000 entries.
    """
    from tests.kit.inspection.volume_fixture import make_bare_model

    make_bare_model(directory, model_type="granite", max_position_embeddings=8192)
    if template is not None:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.train_from_iterator(
            (words(random.Random(seed), 200) for seed in range(200)),
            trainers.BpeTrainer(
                vocab_size=8000,
                special_tokens=["<|im_start|>", "<|im_end|>"],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
        raw.save(str(directory / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "chat_template": template,
        }
        (directory / "tokenizer_config.json").write_text(json.dumps(config))
    return directory
