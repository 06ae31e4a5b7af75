"""Tokenizer and chat template of a model are each read once, and by the library alone where that is exact."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
from tests.kit.inspection.tokenizer_models import make_model

from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection.tokenization import ModelContext, load_tokenizer, model_warnings
from dpojob_trainer.shared.errors import ModelUnreadable

SOURCE = ModelSource.model_validate({"volume": {"claimName": "data", "path": "model"}})


def opened(directory: Path) -> ModelContext:
    return ModelContext.open(SOURCE, {"data": directory}, None)


def test_a_chat_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of some thousand characters takes longer to compile than the texts of many rows to render."""
    make_model(tmp_path / "model")
    compiled: list[Any] = []
    compile_template = jinja2.Environment.compile

    def recording(self: jinja2.Environment, source: Any, *args: Any, **options: Any) -> Any:
        compiled.append(source)
        return compile_template(self, source, *args, **options)

    monkeypatch.setattr(jinja2.Environment, "compile", recording)
    model = opened(tmp_path)
    assert model.counter() is not None and model.counter(accelerated=True) is not None
    assert model_warnings(model, conversational=True) == []
    assert compiled == [model.config.template(tools=False)]


def test_a_tokenizer_is_read_by_the_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(tmp_path / "model", model_type="llama")

    def refuse(*_: object) -> None:
        raise AssertionError("tokenizer.json was read by Python as well")

    monkeypatch.setattr(load_tokenizer, "read_json", refuse)
    tokenizer = opened(tmp_path).tokenizer
    assert tokenizer is not None and tokenizer.get_vocab_size() == 258


def test_a_tokenizer_that_only_python_reads_is_read(tmp_path: Path) -> None:
    """A byte-order mark is an error to the library, and none to `json.loads`."""
    path = make_model(tmp_path / "model", model_type="llama") / "tokenizer.json"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    tokenizer = opened(tmp_path).tokenizer
    assert tokenizer is not None and tokenizer.get_vocab_size() == 258


def test_a_tokenizer_that_transformers_rebuilds_is_rebuilt(tmp_path: Path) -> None:
    path = make_model(tmp_path / "model", model_type="qwen2") / "tokenizer.json"
    expected = load_tokenizer._rebuilt()["qwen2"]["normalizer"]
    assert json.loads(path.read_text())["normalizer"] != expected
    tokenizer = opened(tmp_path).tokenizer
    assert tokenizer is not None and json.loads(tokenizer.to_str())["normalizer"] == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"version": "1.0"}', "cannot be read"),
    ],
)
@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_a_damaged_tokenizer_says_what_is_wrong(
    tmp_path: Path, model_type: str, text: str, problem: str
) -> None:
    (make_model(tmp_path / "model", model_type=model_type) / "tokenizer.json").write_text(text)
    with pytest.raises(ModelUnreadable, match=f"tokenizer.json of .* {problem}"):
        _ = opened(tmp_path).tokenizer
