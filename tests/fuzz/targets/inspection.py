"""The inspection from end to end over JSON Lines: a report within its limits, or an InspectionError."""

from __future__ import annotations

import json
from functools import cache

from tests.fuzz.target import Target
from tests.kit.inspection.tokenizer_models import TRIMS, make_model
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect, summary

from .readers import CHATS, JSON_TOKENS, ROWS
from .scratch import scratch

LIMIT = 4096
"""Bytes of a termination message."""
SPEC = spec_of({"invalidRows": "Drop", "maxDroppedShare": 0.9, "eval": {"fraction": 0}})
TEXTS = (
    {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"},
    {"prompt": "a", "chosen": [{"from": "gpt", "value": "b"}], "rejected": [{"from": "gpt", "value": "c"}]},
    {"question": "a", "response_a": "b", "response_b": "c", "winner": "model_a"},
    {"instruction": "a", "completions": [{"response": "b", "score": 1}, {"response": "c", "score": 2}]},
    {"prompt": "<|im_start|>user\na<|im_end|>", "chosen": "b hf_" + "a" * 34, "rejected": "I cannot help"},
    {"prompt": "a", "chosen": "[{'role': 'assistant', 'content': 'b'}]", "rejected": "[]"},
)  # fmt: skip
WORDS = (
    '"role"', '"content"', '"assistant"', '"user"', '"system"', '"tool_calls"', '"from"', '"value"', '"images"',
    '"score"', '"winner"', "\\n\\nHuman:", "\\n\\nAssistant:", "<|im_start|>", "[INST]", "messages", "label",
)  # fmt: skip


@cache
def _volume() -> None:
    make_model(scratch("data/model/config.json").parent, TRIMS)


def _check(data: bytes) -> None:
    _volume()
    scratch("data/pairs/train.jsonl").write_bytes(data)
    volumes = {"data": scratch("data")}
    try:
        report = inspect(SPEC, volumes)
    except InspectionError as error:
        assert error.reason and error.message
        return
    compact = json.dumps(summary(report, LIMIT), ensure_ascii=False, separators=(",", ":"))
    assert len(compact.encode()) <= LIMIT
    assert report.valid == (not report.errors)
    if report.valid:
        assert len(list(accepted_rows(SPEC, report, volumes))) == report.train_rows


def _rows(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


TARGET = Target(
    "inspection",
    _check,
    (_rows(ROWS), _rows(CHATS * 2), *(_rows([row, row]) for row in TEXTS)),
    JSON_TOKENS + WORDS,
)
