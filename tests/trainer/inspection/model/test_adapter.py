"""An adapter that DPO cannot go on from is refused before a GPU is requested, with the remedy in the message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import write_safetensors
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from dpojob_api.report import ModelFacts
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.model import check_adapter, open_model

LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
HEAD = "base_model.model.lm_head.lora_A.weight"
ROWS = "base_model.model.model.embed_tokens.weight"
FULL = "Write training.method: full, which merges it first"
FACTS = ModelFacts(parameters=1000, vocabulary=3, adapter=True)
KNOWN = Tokenizer(WordLevel({"a": 0, "b": 1, "c": 2}))
MORE = Tokenizer(WordLevel({"a": 0, "b": 1, "c": 2, "new": 3}))


def check(
    root: Path, config: dict[str, Any], *tensors: str, method: str = "auto", tokenizer: Any = KNOWN
) -> None:
    (root / "sft").mkdir()
    (root / "sft" / "adapter_config.json").write_text(json.dumps(config))
    shapes = dict.fromkeys((LAYER, *tensors), ("F32", (4, 4)))
    write_safetensors(root / "sft" / "adapter_model.safetensors", shapes)
    source = ModelSource.model_validate({"volume": {"claimName": "data", "path": "sft"}})
    check_adapter(FACTS, open_model(source, {"data": root}, None), tokenizer, method)


@pytest.mark.parametrize(
    ("config", "tensors", "settings", "phrase"),
    [
        ({"bias": "all"}, [], {}, f"with bias: all; .* {FULL}"),
        ({"bias": "lora_only"}, [], {"method": "qlora"}, f"with bias: lora_only; .* {FULL}"),
        ({}, [HEAD], {"method": "lora"}, f"lies on the LM head too, .* {FULL}"),
        ({}, [], {"tokenizer": MORE}, "tokenizer of 4 tokens, .* for 3, .* save_embedding_layers=True"),
    ],
)  # fmt: skip
def test_an_adapter_that_training_cannot_go_on_from(
    tmp_path: Path,
    config: dict[str, Any],
    tensors: list[str],
    settings: dict[str, Any],
    phrase: str,
) -> None:
    with pytest.raises(InspectionError, match=f"the adapter data/sft .*{phrase}") as caught:
        check(tmp_path, config, *tensors, **settings)
    assert caught.value.reason == "ModelUnreadable"


@pytest.mark.parametrize(
    ("config", "tensors", "settings"),
    [
        ({"bias": "none"}, [], {}),
        ({"bias": "all"}, [], {"method": "full"}),
        ({}, [HEAD], {"method": "full"}),
        ({}, [ROWS], {"tokenizer": MORE}),
        ({}, [], {"tokenizer": None}),
    ],
)
def test_an_adapter_that_training_goes_on_from(
    tmp_path: Path, config: dict[str, Any], tensors: list[str], settings: dict[str, Any]
) -> None:
    check(tmp_path, config, *tensors, **settings)


def test_inspection_checks_it(volume: Any) -> None:
    (volume.root / "sft").mkdir()
    write_safetensors(volume.root / "sft" / "adapter_model.safetensors", {HEAD: ("F32", (4, 4))})
    settings = {"base_model_name_or_path": "model", "r": 4}
    (volume.root / "sft" / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(InspectionError, match="lies on the LM head"):
        volume.inspect(model={"volume": {"claimName": "data", "path": "sft"}})
