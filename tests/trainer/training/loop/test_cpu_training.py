"""What the trainer does where there is no GPU: faster than TRL's default, with the same curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob, losses, metrics
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl.trainer import utils

from dpojob_api.plan import Plan
from dpojob_api.shared_training_constants import CPU_BF16_MIN_PARAMETERS, cpu_supports_bf16
from dpojob_trainer.training import run
from dpojob_trainer.training.loop import data
from dpojob_trainer.training.setup import precision

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
]


def test_the_curve_is_that_of_plain_trl(make_job: MakeJob, inputs: Path, tmp_path: Path) -> None:
    job = make_job()
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    plain = DPOTrainer(
        model=str(inputs / "model"),
        args=DPOConfig(
            output_dir=str(tmp_path / "plain"), learning_rate=5e-4, num_train_epochs=1,
            per_device_train_batch_size=2, gradient_accumulation_steps=2, max_length=128,
            seed=job.spec.training.seed, beta=job.spec.training.beta, logging_steps=1, bf16=False,
            gradient_checkpointing=False, use_cpu=True, report_to="none", disable_tqdm=True,
        ),
        train_dataset=data.load(job, "train", tmp_path / "rows"),
        processing_class=AutoTokenizer.from_pretrained(inputs / "model"),
    )  # fmt: skip
    plain.train()
    assert losses(metrics(job)) == pytest.approx(losses(plain.state.log_history), abs=1e-4)


def test_only_the_answers_tokens_go_through_the_lm_head(make_job: MakeJob) -> None:
    scored: list[int] = []
    apply = utils._ChunkedLogProbFunction.apply

    def count(hidden: torch.Tensor, *rest: Any) -> Any:
        if hidden.requires_grad:  # the policy in training, not the reference and not evaluations
            scored.append(len(hidden))
        return apply(hidden, *rest)

    with patch.object(utils._ChunkedLogProbFunction, "apply", count):
        job = make_job()
        outcome = run(job)
    assert outcome.progress.tokens
    assert 0 < sum(scored) < 0.7 * outcome.progress.tokens  # the rest are prompts, padding aside


@pytest.mark.parametrize(
    ("planned", "parameters", "has_bf16", "taken"),
    [
        ("bf16", CPU_BF16_MIN_PARAMETERS, True, "bf16"),
        ("bf16", CPU_BF16_MIN_PARAMETERS, False, "fp32"),
        ("bf16", CPU_BF16_MIN_PARAMETERS - 1, True, "fp32"),
        ("fp16", CPU_BF16_MIN_PARAMETERS, True, "fp32"),
        ("fp32", CPU_BF16_MIN_PARAMETERS, True, "fp32"),
    ],
)
def test_the_precision_without_a_gpu(
    make_job: MakeJob, planned: str, parameters: int, has_bf16: bool, taken: str
) -> None:
    plan: Plan = make_job(plan={"precision": planned}).plan
    with patch.object(precision, "cpu_supports_bf16", lambda: has_bf16):
        found = precision.choose_precisions(plan, parameters)
    assert (found.compute, bool(found.note)) == (taken, taken != planned)


def test_bf16_trains_to_nearly_the_same_curve(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = make_job(output="fp32")
    rounded = make_job(output="bf16", plan={"precision": "bf16"})
    assert run(exact).outcome == "Succeeded"
    monkeypatch.setattr(precision, "cpu_supports_bf16", lambda: True)
    monkeypatch.setattr(precision, "CPU_BF16_MIN_PARAMETERS", 0)
    outcome = run(rounded)
    assert outcome.outcome == "Succeeded", outcome.message
    assert "bf16" in (rounded.output / "README.md").read_text()
    assert losses(metrics(rounded)) == pytest.approx(losses(metrics(exact)), abs=0.05)
    assert losses(metrics(rounded)) != losses(metrics(exact))


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 avx2\n", True),
        ("flags\t\t: fpu avx512f\nmodel name\t: avx512_bf16\n", False),
        ("", False),
    ],
)
def test_a_processor_says_whether_it_has_bf16(tmp_path: Path, text: str, has: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text)
    assert cpu_supports_bf16(cpuinfo) is has


def test_a_processor_without_flags_has_no_bf16(tmp_path: Path) -> None:
    assert cpu_supports_bf16(tmp_path / "none") is False
