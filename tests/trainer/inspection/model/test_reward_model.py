"""The reward model of evaluation.judge is looked at before a GPU is asked for; it never fails the job."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.hub.server import Hub

ROWS = [{"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(30)]
GOOD = {"architectures": ["Qwen2ForSequenceClassification"], "num_labels": 1}


def warnings_of(
    volume: Any,
    config: dict[str, Any] | str | None,
    tokenizer: bool = True,
    weights: str = "model.safetensors",
) -> list[str]:
    directory = volume.root / "reward"
    directory.mkdir()
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        (directory / "config.json").write_text(text)
    if tokenizer:
        (directory / "tokenizer.json").write_text("{}")
    if weights:
        (directory / weights).write_bytes(b"")
    judge = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
    report = volume.rows(ROWS).inspect(None, evaluation={"judge": judge})
    assert report.valid
    return [p.message for p in report.warnings if str(p.code) == "UnusableJudge"]


@pytest.mark.parametrize(
    "config", [GOOD, {"architectures": GOOD["architectures"], "id2label": {"0": "LABEL_0"}}]
)
def test_a_reward_model_passes(volume, config: dict[str, Any]) -> None:
    assert warnings_of(volume, config) == []


def test_its_weights_are_measured_for_the_plan(volume) -> None:
    judge = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
    directory = volume.root / "reward"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(GOOD))
    report = volume.rows(ROWS).inspect(None, evaluation={"judge": judge})
    assert report.reward_model_bytes == 0
    (directory / "pytorch_model.bin").write_bytes(b"x" * 70)
    assert volume.inspect(None, evaluation={"judge": judge}).reward_model_bytes == 70
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (directory / name).write_bytes(b"x" * 50)
    assert volume.inspect(None, evaluation={"judge": judge}).reward_model_bytes == 100
    assert volume.inspect(None).reward_model_bytes == 0


@pytest.mark.parametrize(
    ("config", "phrase"),
    [
        (None, "has no config.json"),
        ("[", "is not JSON"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "is a Qwen2ForCausalLM; a reward model's"),
        ({}, "model without architecture"),
        ({**GOOD, "num_labels": 2}, "has 2 outputs; a reward model has one"),
        ({"architectures": GOOD["architectures"]}, "has 2 outputs"),
        ({**GOOD, "id2label": {"0": "a", "1": "b", "2": "c"}}, "has 3 outputs"),
    ],
)
def test_what_cannot_judge_is_a_warning(volume, config: Any, phrase: str) -> None:
    (message,) = warnings_of(volume, config)
    assert phrase in message and "Improved will stay Unknown" in message


VOCABULARY = {"here": 0, "there": 9}
"""Ten tokens."""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": VOCABULARY}}),
        ("tokenizer.json", {"model": {"type": "Unigram", "vocab": [["here", -1.5]] * 10}}),
        ("vocab.json", VOCABULARY),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_another_models_tokenizer_is_named_before_a_gpu_is_asked_for(
    volume, name: str, content: dict[str, Any], nested: bool
) -> None:
    added = {"added_tokens": [{"id": 99, "content": "<never used>"}]}
    directory = volume.root / "reward"
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(b"")
    (directory / name).write_text(json.dumps({**content, **(added if "model" in content else {})}))
    judge = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
    volume.rows(ROWS)
    found = []
    for size in (10, 9):
        sizes = {"vocab_size": size}
        (directory / "config.json").write_text(
            json.dumps({**GOOD, **({"text_config": sizes} if nested else sizes)})
        )
        report = volume.inspect(None, evaluation={"judge": judge})
        found.append([p.message for p in report.warnings if str(p.code) == "UnusableJudge"])
    assert found[0] == []
    assert "has embeddings of 9 tokens, and the tokenizer beside it gives token 9" in found[1][0]
    assert "Improved will stay Unknown" in found[1][0]


@pytest.mark.parametrize(
    "text", ['{"model": []}', '{"model": {"vocab": {"a": "b"}}}', '{"model": {"vocab": 3}}']
)
def test_a_vocabulary_that_cannot_be_read_says_nothing(volume, text: str) -> None:
    directory = volume.root / "reward"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({**GOOD, "vocab_size": 9}))
    (directory / "tokenizer.json").write_text(text)
    (directory / "model.safetensors").write_bytes(b"")
    judge = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
    report = volume.rows(ROWS).inspect(None, evaluation={"judge": judge})
    assert not [p for p in report.warnings if str(p.code) == "UnusableJudge"]


def test_a_missing_tokenizer_and_a_missing_model_are_warnings(volume) -> None:
    (message,) = warnings_of(volume, GOOD, tokenizer=False)
    assert "has no tokenizer" in message
    judge = {"rewardModel": {"volume": {"claimName": "data", "path": "elsewhere"}}}
    report = volume.inspect(None, evaluation={"judge": judge})
    (message,) = [p.message for p in report.warnings if str(p.code) == "UnusableJudge"]
    assert report.valid and "elsewhere" in message


def test_weights_in_another_format_are_read_from_a_claim_and_not_from_the_hub(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warnings_of(volume, GOOD, weights="pytorch_model.bin") == []
    judge = {"rewardModel": {"repo": "org/reward"}}
    with Hub() as hub:
        for name, value in hub.env().items():
            monkeypatch.setenv(name, value)
        hub.add_model("org/reward", volume.root / "reward")
        report = volume.inspect(None, evaluation={"judge": judge})
    (message,) = [p.message for p in report.warnings if str(p.code) == "UnusableJudge"]
    assert "org/reward holds no weights as safetensors" in message
    (volume.root / "reward" / "pytorch_model.bin").unlink()
    claimed = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
    report = volume.inspect(None, evaluation={"judge": claimed})
    (message,) = [p.message for p in report.warnings if str(p.code) == "UnusableJudge"]
    assert "has no weights (model.safetensors)" in message
