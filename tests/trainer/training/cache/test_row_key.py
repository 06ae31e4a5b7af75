"""The key changes with whatever changes the tokens, and with nothing else."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dpojob_trainer.training.cache import row_key, rows_key

pytestmark = pytest.mark.train
SETTINGS = {"max_length": 128, "truncation_mode": "keep_start"}


@pytest.fixture(scope="module")
def tokenizer(inputs: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(inputs / "model")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.arrow"
    path.write_bytes(b"the rows")
    return path


def test_where_rows_and_tokenizer_lie_does_not_count(
    rows: Path, tokenizer: Any, inputs: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    shutil.copytree(inputs / "model", tmp_path / "model")
    elsewhere = AutoTokenizer.from_pretrained(tmp_path / "model")
    other = shutil.copy(rows, tmp_path / "other.arrow")
    assert rows_key(rows, tokenizer, SETTINGS) == rows_key(Path(other), elsewhere, SETTINGS)


def with_token(tokenizer: Any) -> None:
    tokenizer.add_tokens(["<another>"])


def with_template(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ messages }}"


def with_eos(tokenizer: Any) -> None:
    tokenizer.eos_token = tokenizer.pad_token


@pytest.mark.parametrize("change", [with_token, with_template, with_eos])
def test_another_tokenizer_has_another_key(
    rows: Path, tokenizer: Any, change: Callable[[Any], None]
) -> None:
    other = copy.deepcopy(tokenizer)
    assert rows_key(rows, other, SETTINGS) == rows_key(rows, tokenizer, SETTINGS)
    change(other)
    assert rows_key(rows, other, SETTINGS) != rows_key(rows, tokenizer, SETTINGS)


def test_other_rows_settings_and_versions_have_other_keys(
    rows: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        rows_key(rows, tokenizer, SETTINGS),
        rows_key(rows, tokenizer, {**SETTINGS, "max_length": 64}),
        rows_key(rows, tokenizer, {**SETTINGS, "truncation_mode": "keep_end"}),
    }
    with monkeypatch.context() as patched:
        patched.setattr(row_key, "version", lambda _: "99")
        found.add(rows_key(rows, tokenizer, SETTINGS))
    rows.write_bytes(b"the  rows")
    found.add(rows_key(rows, tokenizer, SETTINGS))
    assert len(found) == 5
