"""The demo's tiny model and pairs, for tests: examples/make_demo_data.py in a directory of the test run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from tests.kit.repository import ROOT


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_demo_data", ROOT / "examples" / "make_demo_data.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_demo = _load()
make_model = _demo.make_model
make_pairs = _demo.make_pairs
make_tokenizer = _demo._tokenizer
write_jsonl = _demo.write_jsonl
write_parquet = _demo.write_parquet


def write_contrary_pairs(directory: Path, held_out: int) -> None:
    """48 training pairs, and held-out pairs that prefer the opposite: training makes their loss rise."""
    train, test = make_pairs(48, 1), make_pairs(held_out, 2)
    for pair in test:
        pair["good_response"], pair["bad_response"] = pair["bad_response"], pair["good_response"]
    write_jsonl(directory / "train.jsonl", train)
    write_jsonl(directory / "test.jsonl", test)


def make_rude_model(directory: Path, start: Path) -> None:
    """The model in `start`, taught to grumble: its results in the task of `write_task` are worse."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = (
        kind.from_pretrained(start) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    rude = [{**pair, "good_response": pair["bad_response"]} for pair in make_pairs(200, 5)]
    _demo._teach(model, tokenizer, rude, 20, 0)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


TASK_SAMPLES = 40
TASK: dict[str, Any] = {
    "task": "manners",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "manners.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "choices",
    "doc_to_target": "label",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def write_task(directory: Path, name: str = "manners.yaml", **fields: Any) -> None:
    """Write a benchmark task for lm-evaluation-harness of two choices, with other fields where given, and its samples: the polite answer is right."""
    path = directory / name
    path.write_text(yaml.safe_dump(TASK | fields), encoding="utf-8")
    if not (directory / "manners.jsonl").exists():
        samples = [
            {
                "question": pair["question"],
                "choices": [pair["good_response"], pair["bad_response"]],
                "label": 0,
            }
            for pair in make_pairs(TASK_SAMPLES, 7)
        ]
        write_jsonl(directory / "manners.jsonl", samples)
