"""Termination messages of the inspection and training containers."""

from __future__ import annotations

from dpojob_api.progress import Artifacts, Outcome, Progress
from dpojob_api.report import (
    InspectionReport,
    Lengths,
    Mapping,
    ModelFacts,
    Percentiles,
    Problem,
    ProblemCode,
    Suggestion,
)

STEPS = 10
HALF = 5


def valid() -> str:
    """A good dataset and a model of half a billion parameters."""
    return InspectionReport(
        valid=True,
        format="conversational",
        rows=100,
        valid_rows=100,
        train_rows=98,
        eval_rows=2,
        columns=["prompt", "chosen", "rejected"],
        mapping=Mapping(prompt="prompt", chosen="chosen", rejected="rejected"),
        lengths=Lengths(longest=Percentiles(p50=100, p95=200, p99=210, max=220, mean=110.0)),
        model=ModelFacts(
            parameters=494_032_768,
            architecture="Qwen2ForCausalLM",
            model_type="qwen2",
            dtype="bfloat16",
            hidden_size=896,
            intermediate_size=4864,
            layers=24,
            attention_heads=14,
            key_value_heads=2,
            head_dim=64,
            vocabulary=151_936,
            context_length=32_768,
            embedding_parameters=136_134_656,
            tied_embeddings=True,
            linear_parameters=357_826_560,
            adapter_parameters_per_rank=549_888,
            weight_bytes=988_097_824,
            chat_template=True,
        ),
    ).wire_json()


def invalid() -> str:
    """A dataset whose columns do not fit."""
    return InspectionReport(
        valid=False,
        rows=100,
        columns=["question", "good", "bad"],
        problems=[
            Problem(
                code=ProblemCode.MISSING_COLUMN,
                message="There is no column for chosen and rejected.",
            )
        ],
        suggestion=Suggestion(column_mapping={"chosen": "good", "rejected": "bad"}),
        reason="DatasetInvalid",
    ).wire_json()


def progress(attempt: int, step: int = HALF, resumed: int | None = None) -> Progress:
    """Progress at half of the steps, or at `step`."""
    return Progress(
        stage="Training" if step < STEPS else "Done",
        step=step,
        max_steps=STEPS,
        loss=0.5,
        margin=0.1 * step + attempt,
        accuracy=0.9,
        checkpoint_step=HALF,
        resumed_from=resumed,
    )


def trained(attempt: int = 1, resumed: int | None = None) -> str:
    """Success."""
    return Outcome(
        outcome="Succeeded",
        reason="Completed",
        message="Trained.",
        progress=progress(attempt, STEPS, resumed),
        artifacts=Artifacts(kind="adapter", max_length=1024, model_hash="sha256:0"),
    ).wire_json()


def interrupted() -> str:
    """Stopped with a checkpoint."""
    return Outcome(
        outcome="Interrupted",
        reason="Stopped",
        message="Stopped by SIGTERM; a checkpoint is saved.",
        progress=progress(1),
    ).wire_json()


def out_of_memory() -> str:
    """A failure that is never retried."""
    return Outcome(
        outcome="Failed",
        reason="OutOfMemory",
        message="The GPU ran out of memory.",
        progress=progress(1),
    ).wire_json()


def dataset_changed() -> str:
    """A file that is no longer the one that was inspected; never retried."""
    return Outcome(
        outcome="Failed",
        reason="DatasetChanged",
        message="data/train.jsonl was changed after its inspection.",
    ).wire_json()
