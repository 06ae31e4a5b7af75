"""Another base model put in place of the first is another training, whose checkpoints do not serve."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.kit import tiny_models
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run
from dpojob_trainer.training.setup.model import load_model
from dpojob_trainer.training.setup.model_source import ModelLocation
from dpojob_trainer.training.setup.precision import choose_precisions


def test_checkpoints_of_the_first_base_model_are_not_this_trainings(
    make_job: MakeJob, inputs: Path, tmp_path: Path
) -> None:
    shutil.copytree(inputs / "model", tmp_path / "own" / "model")
    spec = {"model": {"volume": {"claimName": "own", "path": "model"}}}
    volumes = {"own": tmp_path / "own"}
    first = make_job(spec=spec, volumes=volumes)
    assert make_job(spec=spec, volumes=volumes).key == first.key
    config = tmp_path / "own" / "model" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "rms_norm_eps": 1e-5}))
    assert make_job(spec=spec, volumes=volumes).key != first.key


@pytest.mark.train
def test_a_base_model_replaced_after_inspection_is_not_trained(
    make_job: MakeJob, inputs: Path, tmp_path: Path
) -> None:
    shutil.copytree(inputs / "model", tmp_path / "own" / "model")
    job = make_job(
        spec={"model": {"volume": {"claimName": "own", "path": "model"}}},
        volumes={"own": tmp_path / "own"},
    )
    tiny_models.make_model(tmp_path / "own" / "model", teach_steps=1)
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "ModelNotFound")
    assert "own/model holds another model than the one that was inspected" in failed.message


@pytest.mark.train
def test_code_in_a_models_files_is_not_run_whoever_is_at_the_terminal(
    make_job: MakeJob, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, model = make_job(), tmp_path / "own"
    shutil.copytree(inputs / "model", model)
    config = json.loads((model / "config.json").read_text())
    code = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (model / "config.json").write_text(
        json.dumps({**config, "model_type": "own", "auto_map": code})
    )
    (model / "own.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
        "from transformers import LlamaConfig, LlamaForCausalLM\n"
        "class OwnConfig(LlamaConfig):\n    model_type = 'own'\n"
        "class OwnModel(LlamaForCausalLM):\n    config_class = OwnConfig\n"
    )
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_model(job, ModelLocation(model), choose_precisions(job.plan, job.parameters))
    assert not (tmp_path / "ran").exists()
