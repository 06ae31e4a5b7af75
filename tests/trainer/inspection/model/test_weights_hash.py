"""A model on a volume is distinguished from another one that replaced it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model

from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection.model import hash_weights, open_model, read_facts


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    make_bare_model(tmp_path / "model")
    return tmp_path


def of(claim: Path, path: str = "model") -> str:
    source = ModelSource.model_validate({"volume": {"claimName": "m", "path": path}})
    found = read_facts(open_model(source, {"m": claim}, None)).fingerprint
    assert found
    return found


def change_last_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))


def test_other_weights_of_the_same_shape_are_another_model(claim: Path) -> None:
    before = of(claim)
    change_last_byte(claim / "model" / "model.safetensors")
    assert of(claim) != before


def test_another_config_makes_another_model_of_the_same_weights(claim: Path) -> None:
    before = of(claim)
    config = claim / "model" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "rope_theta": 5.0}))
    assert of(claim) != before


def test_a_copy_elsewhere_is_the_same_model(claim: Path) -> None:
    before = of(claim)
    shutil.copytree(claim / "model", claim / "copy")
    assert of(claim, "copy") == before


def test_files_that_are_no_part_of_the_model_do_not_matter(claim: Path) -> None:
    before = of(claim)
    (claim / "model" / "notes.txt").write_text("mine")
    assert of(claim) == before


def test_an_adapter_is_another_one_on_another_base(claim: Path) -> None:
    adapter = claim / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "model", "r": 4, "peft_type": "LORA"})
    )
    shutil.copy(claim / "model" / "model.safetensors", adapter / "adapter_model.safetensors")
    own, base = of(claim, "adapter").split("-")
    assert base == of(claim)
    change_last_byte(claim / "model" / "model.safetensors")
    assert of(claim, "adapter") == f"{own}-{of(claim)}"
    assert of(claim, "adapter") != f"{own}-{base}"


def test_a_large_file_is_looked_at_from_end_to_end_and_not_read_whole(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    before = hash_weights([large])
    change_last_byte(large)
    after = hash_weights([large])
    assert after != before
    with large.open("r+b") as file:
        for at in range(0, 64 << 20, 256 << 10):
            file.seek(at)
            file.write(b"trained")
    assert hash_weights([large]) not in (before, after)
