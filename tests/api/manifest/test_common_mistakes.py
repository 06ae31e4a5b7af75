"""What people write instead of a field of the spec, and the sentence that each gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.manifest.messages import messages

from dpojob_api.arguments import REMOVED, RESERVED, field_table
from dpojob_api.manifest.common_mistakes import BY_PARENT, SYNONYMS
from dpojob_api.manifest.validation_messages import _all_field_paths
from dpojob_api.spec import DPOJobSpec


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"model": "Qwen/Qwen2.5-1.5B"}, "write {repo: Qwen/Qwen2.5-1.5B}"),
        ({"dataset": "org/pairs"}, "write {repo: org/pairs}"),
        (
            {"dataset": "pairs.jsonl"},
            "write {volume: {claimName: CLAIM, path: pairs.jsonl}}, with the claim it is on",
        ),
        ({"dataset": "https://example.com/a.jsonl"}, "write {urls: [https://example.com/a.jsonl]}"),
        (
            {"output": "/data/out"},
            "write {volume: {claimName: CLAIM, path: data/out}}, with the claim it is to be on",
        ),
        ({"training": {"batchSize": 0}}, "it must be at least 1"),
        ({"training": {"beta": -0.1}}, "it must be greater than 0"),
        (
            {"dataset": {"repo": "c/d", "eval": {"fraction": 5}}},
            "it must be at most 0.5: write 0.05 for 5%",
        ),
        ({"dataset": {"repo": "c/d", "eval": {"fraction": 0.7}}}, "it must be at most 0.5"),
        ({"output": "models"}, "write {volume: {claimName: models}}"),
        ({"budget": 20}, 'write {maxCost: "20"}'),
        ({"budget": "$20.50"}, 'write {maxCost: "20.50"}'),
        ({"training": {"lora": True}}, "write method: lora in training"),
        ({"samples": ["Hello"]}, "write {prompts: [...]}"),
        ({"training": {"epochs": "three"}}, "write 3"),
        ({"training": {"epochs": "1.5"}}, "write 1.5, without quotes"),
        ({"training": {"maxLength": "1k"}}, "write 1024"),
        ({"training": {"maxLength": "2,048"}}, "write 2048, without quotes"),
        ({"training": {"maxLength": "1,048,576"}}, "write 1048576, without quotes"),
        ({"training": {"maxLength": "8,0"}}, "write 8, without quotes"),
        ({"training": {"beta": "0,1"}}, "write 0.1, without quotes"),
        ({"training": {"epochs": "1,5"}}, "write 1.5, without quotes"),
        ({"training": {"epochs": "1,500"}}, "write 1.500, without quotes"),
        ({"training": {"learningRate": "0,000005"}}, "write 0.000005, without quotes"),
        ({"budget": "20,50 EUR"}, 'write {maxCost: "20.50"}'),
        ({"budget": {"maxCost": 20}}, 'write it in quotes, "20"'),
        ({"budget": {"maxDuration": 6}}, "write a duration like 90s, 45m, 6h, 1h30m or 2d"),
        ({"budget": {"maxDuration": "6"}}, "write a duration like 90s, 45m, 6h, 1h30m or 2d"),
        ({"budget": {"maxDuration": "6x"}}, "write a duration like 90s, 45m, 6h, 1h30m or 2d"),
        ({"budget": {"maxDuration": ""}}, "it may not be empty"),
        (
            {"evaluation": {"tasks": [{"name": "arc_easy"}], "maxDuration": 6}},
            "write a duration like 90s, 45m, 6h, 1h30m or 2d",
        ),
        ({"output": {"push": True}}, "write a repository's name, like my-org/my-model"),
        ({"model": {"fromJob": "my-sft"}}, "write {name: my-sft}"),
        (
            {"dataset": "pvc://c/x.jsonl"},
            "write {volume: {claimName: c, path: x.jsonl}}",
        ),
        ({"model": "pvc://models"}, "write {volume: {claimName: models}}"),
        ({"suspend": "true"}, "write it without quotes"),
        ({"model": [{"repo": "a/b"}]}, "write its fields without the dash"),
        (
            {"dataset": {"urls": "https://example.com/a.jsonl"}},
            'write ["https://example.com/a.jsonl"]',
        ),
        ({"samples": {"prompts": "Hello"}}, "write [Hello]"),
        ({"samples": "Hello"}, "write {prompts: [Hello]}"),
        ({"hardware": "a10g-small"}, "write {pool: a10g-small}"),
        ({"hardware": 2}, "write {gpus: 2}"),
        ({"hardware": {"gpus": "two"}}, "write 2"),
        ({"training": {"lora": 8}}, "write {r: 8}"),
        ({"training": {"earlyStopping": 5}}, "write {patience: 5}"),
        ({"training": {"epochs": "3 epochs"}}, "write 3"),
        ({"training": {"maxLength": "1024 tokens"}}, "write 1024"),
        ({"training": {"maxLength": "1.5K"}}, "write 1536"),
        ({"training": {"beta": "10%"}}, "write 0.1"),
        ({"suspend": "yes"}, "write true"),
        ({"dataset": {"repo": "c/d", "eval": 0.1}}, "write {fraction: 0.1}"),
        ({"dataset": {"repo": "c/d", "eval": "10%"}}, "write {fraction: 0.1}"),
        ({"dataset": {"repo": "c/d", "eval": "test"}}, "write {split: test}"),
        ({"dataset": {"repo": "c/d", "eval": {"fraction": "10%"}}}, "write 0.1"),
        ({"dataset": {"volume": "data"}}, "write {claimName: data}"),
        ({"dataset": {"volume": "pvc://data/x.jsonl"}}, "write {claimName: data, path: x.jsonl}"),
        ({"dataset": ["c/d", "e/f"]}, "a job has one dataset: put the rows into one"),
        ({"dataset": "s3://bucket/x.jsonl"}, "copy it to a claim"),
        ({"dataset": "https://huggingface.co/datasets/org/pairs"}, "write {repo: org/pairs}"),
        ({"dataset": "hf://datasets/org/pairs"}, "write {repo: org/pairs}"),
        (
            {"dataset": "https://huggingface.co/datasets/o/p/resolve/main/a.jsonl"},
            "write {urls: [https://huggingface.co/datasets/o/p/resolve/main/a.jsonl]}",
        ),
        (
            {"dataset": {"repo": "c/d", "columnMapping": ["question", "good", "bad"]}},
            "write {prompt: question, chosen: good, rejected: bad}",
        ),
        ({"model": "https://huggingface.co/Qwen/Q/tree/main"}, "write {repo: Qwen/Q}"),
        ({"model": {"repo": "https://huggingface.co/Qwen/Q"}}, "write Qwen/Q"),
        ({"model": "org/model@v1.0"}, "write {repo: org/model, revision: v1.0}"),
        ({"model": {"repo": "org/model:main"}}, "write org/model, and revision: main beside it"),
        ({"output": "pvc://models/x"}, "write {volume: {claimName: models, path: x}}"),
        ({"output": "s3://bucket/x"}, "write {s3: {bucket: bucket, prefix: x}}"),
        ({"output": "org/tuned"}, "or {push: org/tuned} to upload it"),
        ({"evaluation": {"tasks": ["arc_easy"]}}, "write {name: arc_easy}"),
        ({"hubTokenSecret": "my-token"}, "write {name: my-token}"),
        ({"hubTokenSecret": "hf_abc"}, "put the token into a Secret, and write {name: SECRET}"),
        ({"budget": {"maxCost": "“20.00”"}}, "replace them by straight quotes"),
        ({"output": {"s3": "s3://bucket/x"}}, "write {bucket: bucket, prefix: x}"),
        ({"training": {"earlyStopping": True}}, "write {patience: 3}"),
        ({"training": {"maxLength": 1024.0}}, "write 1024"),
        ({"suspend": 1}, "write true"),
        ({"cache": "data"}, "write {volume: {claimName: data}}"),
        ({"evaluation": {"tasks": "arc_easy"}}, "write [{name: arc_easy}]"),
        ({"evaluation": {"judge": "gpt-4"}}, "write {endpoint: {url: ADDRESS, model: gpt-4}}"),
        ({"model": "repo:a/b"}, "put a space behind the colon: write {repo: a/b}"),
        ({"dataset": {"repo": "datasets/org/pairs"}}, "write org/pairs"),
        (
            {"dataset": {"repo": "./pairs"}},
            "write volume: {claimName: CLAIM, path: pairs} instead of repo",
        ),
    ],
)
def test_a_value_of_the_wrong_type_gets_what_to_write(parts: dict[str, Any], expected: str) -> None:
    (message,) = messages(**parts)
    assert message.endswith(expected) or f": {expected}" in message


@pytest.mark.parametrize("value", ["many", "1.5", "1,5", "0,500", "10,24,000", "1e400", "nan"])
def test_no_number_is_guessed_from_another_text(value: str) -> None:
    (message,) = messages(training={"maxLength": value})
    assert message.endswith("it must be a whole number")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"dataset": {"path": "train.jsonl"}}, "write spec.dataset.volume.path"),
        ({"model": {"path": "m"}}, "write spec.model.volume.path"),
        ({"dataset": {"name": "org/pairs"}}, "write spec.dataset.repo"),
        ({"output": {"claimName": "models"}}, "claimName belongs in spec.output.volume"),
        ({"training": {"num_train_epochs": 3}}, "write spec.training.epochs"),
        ({"num_train_epochs": 3}, "write spec.training.epochs"),
        ({"training": {"lr": 1e-5}}, "write spec.training.learningRate"),
        ({"training": {"loraRank": 8}}, "write spec.training.lora.r"),
        ({"training": {"per_device_train_batch_size": 4}}, "write spec.training.batchSize"),
        ({"training": {"logging_steps": 5}}, "write spec.training.arguments.logging_steps"),
        ({"training": {"gradient_checkpointing": True}}, "leave it out: the plan decides it"),
        ({"training": {"arguments": {"lr": 1e-5}}}, "write spec.training.learningRate"),
        ({"gpus": 2}, "gpus belongs in spec.hardware"),
        ({"hyperparameters": {"lr": 1}}, "write spec.training"),
        ({"name": "x"}, "name belongs in metadata"),
        ({"queueName": "x"}, "write the label kueue.x-k8s.io/queue-name in metadata.labels"),
        ({"tolerations": []}, "leave it out: what a pod gets is the GPUPool's"),
        ({"training": {"ref_model": "x"}}, "leave it out: the model before training"),
        ({"training": {"precision": "bf16"}}, "write spec.hardware.pool"),
        ({"training": {"lora": {"target_modules": "all"}}}, "leave it out: adapters are on all"),
        ({"dataset": {"volume": {"name": "x"}}}, "write spec.dataset.volume.claimName"),
        (
            {"dataset": {"repo": "c/d", "columnMapping": {"positive": "x"}}},
            "write spec.dataset.columnMapping.chosen",
        ),
        ({"dataset": {"repo": "c/d", "limit": 5}}, "; here may stand repo"),
        ({"\u00a0\u00a0cache": {}}, "indent with plain spaces"),
        ({"cache\uff1a": {}}, "write a plain colon"),
        ({"output": {"pvc": "models"}}, "write spec.output.volume.claimName"),
        ({"budget": {"maxHours": 6}}, "write spec.budget.maxDuration: 6h for six hours"),
        (
            {"dataset": {"repo": "c/d", "eval": {"size": 200}}},
            "write spec.dataset.eval.fraction (a share such as 0.05)",
        ),
        ({"training": {"args": {"lr": 1}}}, "write spec.training.arguments"),
        ({"training": {"loss": "ipo"}}, "write spec.training.arguments: {loss_type: NAME}"),
        ({"training": {"loss_type": "ipo"}}, "write spec.training.arguments.loss_type"),
        ({"dataset": {"mapping": {}}}, "write spec.dataset.columnMapping"),
        ({"training.epochs": 3}, "a dot leads to no field inside: write training: {epochs: 3}"),
    ],
)
def test_a_name_of_another_tool_gets_the_field_it_means(
    parts: dict[str, Any], expected: str
) -> None:
    assert any(expected in message for message in messages(**parts))


def test_a_column_mapping_written_the_other_way_round_is_recognised() -> None:
    mapping = {"question": "prompt", "good": "chosen", "bad": "rejected"}
    found = messages(dataset={"repo": "c/d", "columnMapping": mapping})
    for column, role in mapping.items():
        (message,) = [text for text in found if column in text]
        assert message.endswith(f"write {role}: {column}")


@pytest.mark.parametrize("name", [*SYNONYMS.values(), *BY_PARENT.values()])
def test_every_piece_of_advice_names_a_field_of_the_spec(name: str) -> None:
    path = tuple(name.partition(" ")[0].partition(":")[0].split("."))
    assert path in set(_all_field_paths(DPOJobSpec))


OWN_NAMES = {"beta", "seed"}  # fields of the spec, too


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"model": {"repo": "$MODEL"}},
            'spec.model.repo is "$MODEL": nothing replaces $MODEL in a',
        ),
        ({"model": "${MODEL}"}, "nothing replaces ${MODEL} in a manifest; write its value"),
        ({"output": {"push": "$ORG/tuned"}}, "nothing replaces $ORG in a manifest"),
        ({"training": {"epochs": "$EPOCHS"}}, "envsubst < FILE | kubectl apply -f -"),
        ({"training": {"method": "${METHOD}"}}, "nothing replaces ${METHOD} in a manifest"),
        (
            {"training": {"warmup_ratio": 0.1}},
            "write spec.training.arguments.warmup_steps, below 1 as a share: warmup_steps: 0.1",
        ),
        ({"training": {"warmupSteps": 10}}, "write spec.training.arguments.warmup_steps"),
        ({"training": {"max_prompt_length": 512}}, "any more; write spec.training.maxLength;"),
        ({"training": {"rpo_alpha": 1}}, "write spec.training.arguments.loss_type: [sigmoid, sft]"),
        ({"training": {"tools": {}}}, "write spec.dataset.columnMapping.tools"),
        ({"training": {"no_cuda": True}}, "write spec.hardware.pool"),
        ({"training": {"reference_free": True}}, "leave it out: TRL has no reference-free DPO"),
        (
            {"dataset": {"repo": "c/d", "split": "train[:10%]"}},
            "a split is named as a whole, such as train; to train on a part of it, write those rows",
        ),
        (
            {"dataset": {"repo": "c/d", "eval": {"split": "train[90%:]"}}},
            "to hold out a part of the training split, write fraction, such as 0.1",
        ),
    ],
)
def test_variables_slices_and_former_fields_are_explained(parts: Any, expected: str) -> None:
    assert any(expected in message for message in messages(**parts)), messages(**parts)


@given(st.sampled_from(sorted({*RESERVED, *REMOVED, *field_table()["fields"]} - OWN_NAMES)))
def test_every_name_of_the_trainer_gets_an_instruction(name: str) -> None:
    (message,) = messages(training={name: 1})
    assert "write " in message or "leave it out" in message


def of_mapping(**mapping: Any) -> list[str]:
    return messages(dataset={"repo": "c/d", "columnMapping": mapping})


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (5, ' is 5; it must be a text or a list: write it in quotes, "5"'),
        (
            {"a": 1},
            ' is {"a": 1}; it must be a text or a list: write one, or several as [first, second]',
        ),
        ([], " is []; it may not be empty"),
        ("", ' is ""; it may not be empty'),
        (["a", 2], '[1] is 2; it must be a text: write it in quotes, "2"'),
        (["a"] * 9, " is too long: at most 8 entries"),
    ],
)
def test_a_field_of_two_types_has_one_message(prompt: Any, expected: str) -> None:
    assert of_mapping(prompt=prompt) == [f"spec.dataset.columnMapping.prompt{expected}"]


def test_two_such_fields_have_a_message_each() -> None:
    label = {"column": "winner", "first": {"a": 1}, "second": [["b"]]}
    assert of_mapping(chosen="a", rejected="b", verdict=label) == [
        'spec.dataset.columnMapping.verdict.first is {"a": 1}; it must be a text or a list: write one, or '
        "several as [first, second]",
        'spec.dataset.columnMapping.verdict.second[0] is ["b"]; it must be a text',
    ]
