"""The warnings about the model itself: whether it looks like a base model, and whether its template works."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from dpojob_api.report import InspectionReport
from dpojob_trainer.inspection import InspectionError

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
TOKENS = {"<eos>": 0, "<end_of_turn>": 1, "<|im_end|>": 2, "[UNK]": 3}


def look(
    volume, template: str, name: str = "model", generation: Any = None, **settings: Any
) -> InspectionReport:
    directory = make_bare_model(volume.root / name)
    tokenizer = Tokenizer(WordLevel(TOKENS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings_json = {"chat_template": template, "eos_token": "<eos>", **settings}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings_json))
    if generation is not None:
        (directory / "generation_config.json").write_text(json.dumps(generation))
    rows = [{"prompt": f"q {n}", "chosen": "yes <eos>", "rejected": "<eos> no"} for n in range(3)]
    volume.rows(rows)
    return volume.inspect(model={"volume": {"claimName": "data", "path": name}})


def base_model(report: InspectionReport) -> list[str]:
    return [p.message for p in report.warnings if p.code == "BaseModel"]


@pytest.mark.parametrize("number", [1, [0, 1]])
def test_a_model_that_stops_at_its_templates_end_of_turn_is_no_base_model(volume, number) -> None:
    report = look(volume, GEMMA, generation={"eos_token_id": number})
    assert base_model(report) == []


def test_an_end_token_may_be_known_by_the_tokenizers_settings_alone(volume) -> None:
    settings = {"added_tokens_decoder": {"106": {"content": "<end_of_turn>", "special": True}}}
    report = look(volume, GEMMA, generation={"eos_token_id": [1000, 106]}, **settings)
    assert base_model(report) == []


def test_a_model_that_never_stops_after_a_turn_looks_like_a_base_model(volume) -> None:
    (message,) = base_model(look(volume, GEMMA))
    assert "no token at which it stops (<eos>) ends a turn" in message


@pytest.mark.parametrize("name", ["gemma-2-2b-it", "Llama-8B-Instruct", "my_sft"])
def test_a_name_that_says_instruction_tuned_is_believed(volume, name: str) -> None:
    assert base_model(look(volume, GEMMA, name=name)) == []


@pytest.mark.parametrize("name", ["base", "Qwen-7B-Base", "my_base_model"])
def test_a_base_model_is_reported_and_its_turns_are_not(volume, name: str) -> None:
    (message,) = base_model(look(volume, CHATML, name=name, eos_token="<|im_end|>"))
    assert "is called a base model. If it is one" in message
    assert "turn" not in message.replace("tuned", "")


def test_a_tuned_model_is_not_warned_about(volume) -> None:
    assert base_model(look(volume, CHATML, eos_token="<|im_end|>")) == []


def test_a_template_that_is_broken_is_the_models_fault(volume) -> None:
    with pytest.raises(
        InspectionError, match="the chat template of data/model cannot be used"
    ) as e:
        look(volume, "{% for %}")
    assert e.value.reason == "ModelUnreadable"


def test_a_template_that_refuses_rows_is_not_reported_as_their_roles(volume) -> None:
    (problem,) = look(volume, "{{ raise_exception('never') }}").errors[:1]
    assert "(never); change or remove these rows, or the template of the model" in problem.message


def test_no_tools_in_json_are_no_tools(volume) -> None:
    rows = [{"prompt": f"q {n}", "chosen": "yes", "rejected": "no", "tools": "null"} for n in "ab"]
    assert volume.rows(rows).inspect().valid
