"""A training process does not import packages of the image that its job does not use."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import hide_unused_packages

pytestmark = pytest.mark.train
IMPORT = """
import json, pickle, sys
from dpojob_trainer.training import hide_unused_packages
from dpojob_trainer.training.launch.library_imports import quick_imports
hide_unused_packages(pickle.loads(sys.stdin.buffer.read()))
with quick_imports():
    import peft, trl.trainer.dpo_trainer
unused = ("bitsandbytes", "boto3", "scipy", "wandb")
found = [name for name in unused if sys.modules.get(name) is not None]
import boto3, statsmodels.stats.proportion
print(json.dumps(found))
"""


def test_what_a_plain_job_imports_for_training_leaves_out_packages_that_it_does_not_use(
    make_job: MakeJob,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT],
        input=pickle.dumps(make_job()),
        capture_output=True,
        check=True,
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("package", "spec", "plan"),
    [
        ("bitsandbytes", {}, {"method": "qlora"}),
        ("bitsandbytes", {}, {"optimizer": "adamw_8bit"}),
        ("bitsandbytes", {"training": {"arguments": {"optim": "lion_8bit"}}}, {}),
        ("wandb", {"training": {"arguments": {"report_to": ["wandb"]}}}, {}),
    ],
)
def test_what_a_job_uses_is_not_hidden(
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    spec: dict[str, Any],
    plan: dict[str, Any],
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    made = make_job(spec=spec, plan=plan)
    other = {"bitsandbytes": "wandb", "wandb": "bitsandbytes"}[package]
    with patch.dict(sys.modules):
        for name in ("bitsandbytes", "wandb"):
            sys.modules.pop(name, None)
        hide_unused_packages(made)
        assert {name for name in ("bitsandbytes", "wandb") if name in sys.modules} == {other}
