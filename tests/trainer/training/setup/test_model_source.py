"""Another base model put in place of the first is another training, whose checkpoints do not serve."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.kit import tiny_models
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run


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
