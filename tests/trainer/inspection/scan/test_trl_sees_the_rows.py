"""TRL trains on exactly the rows inspection accepted, and on whatever inspection calls valid."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.kit.inspection.row_strategies import conversations, tools
from tests.kit.inspection.training_rows import loaded
from tests.kit.inspection.volume_fixture import spec_of, write_rows
from tests.kit.tiny_models import make_model

from dpojob_trainer.inspection import accepted_rows, inspect

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("volume")
    make_model(root / "model", teach_steps=0)
    return root


def trainer(root: Path, rows: Any, max_length: int = 64) -> Any:
    """A trainer of a `datasets.Dataset`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    torch.manual_seed(0)
    return DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(root / "model"),
        args=DPOConfig(
            output_dir=str(root / "out"), max_steps=1, per_device_train_batch_size=4, max_length=max_length,
            bf16=False, gradient_checkpointing=False, report_to="none", disable_tqdm=True, use_cpu=True,
            save_strategy="no", dataloader_pin_memory=False,
        ),
        processing_class=AutoTokenizer.from_pretrained(root / "model"),
        train_dataset=rows,
    )  # fmt: skip


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


SHAPES = {
    "text": {"prompt": "What color?", "chosen": "Red {}.", "rejected": "Blue {}."},
    "lists": {"prompt": [user("What?")], "chosen": [assistant("Red {}")], "rejected": [assistant("No {}")]},
    "whole": {
        "chosen": [user("What?"), assistant("Hm"), user("So?"), assistant("Red {}")],
        "rejected": [user("What?"), assistant("Hm"), user("So?"), assistant("No {}")],
    },
    "mixed": {"prompt": "What?", "chosen": [assistant("Red {}")], "rejected": [assistant("No {}")]},
    "system": {"system": "Be kind.", "prompt": "What?", "chosen": "Red {}", "rejected": "No {}"},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_trl_tokenises_the_accepted_rows_to_the_lengths_reported(root: Path, shape: str) -> None:
    rows = [json.loads(json.dumps(SHAPES[shape]).replace("{}", "word " * i)) for i in range(1, 9)]
    bad = {**rows[0], "chosen": rows[0]["rejected"]}
    write_rows(root / shape / "train.jsonl", [*rows, bad])
    dataset = {
        "volume": {"claimName": "data", "path": shape},
        "invalidRows": "Drop", "maxDroppedShare": 0.5, "eval": {"fraction": 0},
    }  # fmt: skip
    spec = spec_of(dataset, training={"maxLength": 64})
    report = inspect(spec, {"data": root})
    assert report.valid and report.valid_rows == 8 and report.lengths.unit == "tokens"
    accepted = list(accepted_rows(spec, report, {"data": root}))
    seen = trainer(root, loaded(root, spec, report)).train_dataset
    assert len(seen) == 8
    assert [row["prompt"] for row in seen] == [row["prompt"] for row in accepted]
    longest = [
        len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
        for row in seen
    ]
    assert max(longest) == report.lengths.longest.max
    assert round(sum(longest) / 8, 2) == report.lengths.longest.mean
    assert max(len(row["prompt_ids"]) for row in seen) == report.lengths.prompt.max


def test_a_prompt_that_fills_max_length_is_dropped_by_both(root: Path) -> None:
    from datasets import Dataset

    rows = [{"prompt": "color " * i, "chosen": "Red.", "rejected": "No."} for i in range(1, 40)]
    write_rows(root / "long" / "train.jsonl", rows)
    dataset = {
        "volume": {"claimName": "data", "path": "long"},
        "invalidRows": "Drop", "maxDroppedShare": 1, "eval": {"fraction": 0},
    }  # fmt: skip
    spec = spec_of(dataset, training={"maxLength": 32})
    report = inspect(spec, {"data": root})
    assert report.valid and report.dropped["PromptTooLong"] > 0
    accepted = list(accepted_rows(spec, report, {"data": root}))
    chat = [{**row, "prompt": [user(row["prompt"])], "chosen": [assistant(row["chosen"])],
             "rejected": [assistant(row["rejected"])]} for row in rows]  # fmt: skip
    kept = trainer(root, Dataset.from_list(chat), 32).train_dataset
    assert [row["prompt"] for row in kept] == [row["prompt"] for row in accepted]
    assert len(accepted) == report.valid_rows


text = st.text(st.characters(codec="utf-8"), min_size=0, max_size=12)
turns = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "system"]),
        text,
    ),
    max_size=3,
)
answer = st.builds(lambda content: [assistant(content)], text)
pairs = st.one_of(
    st.fixed_dictionaries(
        {"prompt": text, "chosen": text, "rejected": text}, optional={"system": text}
    ),
    st.fixed_dictionaries(
        {"prompt": st.one_of(turns, text), "chosen": answer, "rejected": answer},
        optional={"tools": tools},
    ),
    conversations,
    conversations,
    st.builds(
        lambda shared, a, b: {"chosen": shared + a, "rejected": shared + b}, turns, answer, answer
    ),
    st.fixed_dictionaries({"chosen": text, "rejected": text}),
)


def check(root: Path, spec: Any, report: Any, split: str, count: int) -> Any:
    """A split as training loads it, which holds what was accepted."""
    accepted = list(accepted_rows(spec, report, {"data": root}, split=split))
    assert len(accepted) == count
    rows = loaded(root, spec, report, split)
    assert list(rows) == [{**row, "tools": row.get("tools")} for row in accepted]
    return rows


@seed(11)
@settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(
    st.lists(st.lists(pairs, min_size=1, max_size=5), min_size=1, max_size=3),
    st.one_of(st.none(), st.lists(pairs, min_size=1, max_size=4)),
    st.sampled_from([16, 64]),
)
def test_what_is_valid_trains_one_step(
    root: Path, files: list[list[dict[str, Any]]], held: list[dict[str, Any]] | None, limit: int
) -> None:
    name = tempfile.mkdtemp(dir=root)
    for number, rows in enumerate(files):
        write_rows(Path(name) / f"train-{number}.jsonl", rows)
    if held is not None:
        write_rows(Path(name) / "test.jsonl", held)
    dataset = {
        "volume": {"claimName": "data", "path": Path(name).name},
        "invalidRows": "Drop", "maxDroppedShare": 1,
        "eval": {"fraction": 0} if held is None else {"split": "test"},
    }  # fmt: skip
    spec = spec_of(dataset, training={"maxLength": limit})
    report = inspect(spec, {"data": root})
    if not report.valid:
        return
    train = check(root, spec, report, "train", report.train_rows)
    if held is not None:
        held_out = trainer(root, check(root, spec, report, "eval", report.eval_rows), limit)
        assert len(held_out.train_dataset) == report.eval_rows
    run = trainer(root, train, limit)
    assert len(run.train_dataset) == len(train)
    result = run.train()
    assert result.global_step == 1 and result.training_loss == result.training_loss
