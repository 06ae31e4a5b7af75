"""Inspects a dataset for which there is no job yet, with or without a model."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dpojob import trainer_bridge
from dpojob.commands.local.request import JobRequest, run_inspection
from dpojob_api.base import JSONObject
from dpojob_api.constants import API_VERSION
from dpojob_api.report import InspectionReport, ProblemCode

from .job_options import validated

NO_MODEL = "no-model"
"""The claim of a model that stands for none."""


@contextmanager
def dataset_request(
    dataset: JSONObject, model: JSONObject | None, directories: dict[str, Path]
) -> Iterator[JobRequest]:
    """Makes the request to inspect a dataset.

    Args:
        dataset: The value of `spec.dataset`.
        model: The value of `spec.model`; None for no model.
        directories: Claim name to directory.

    Yields:
        The request; without a model it names an empty one, which has no tokenizer.

    Raises:
        CommandError: The dataset makes no valid job.
    """
    with tempfile.TemporaryDirectory(prefix="dpojob-") as scratch:
        if model is None:
            _write_empty_model(Path(scratch))
            directories = {**directories, NO_MODEL: Path(scratch)}
        spec = {"model": model or {"volume": {"claimName": NO_MODEL}}, "dataset": dataset}
        document = {
            "apiVersion": API_VERSION, "kind": "DPOJob", "metadata": {"name": "check"}, "spec": spec,
        }  # fmt: skip
        manifest = validated(document)
        assert manifest.job is not None  # The document is a DPOJob.
        yield JobRequest(manifest, manifest.job, directories)


def inspect_dataset(request: JobRequest) -> InspectionReport:
    """Inspects the dataset of a request.

    Args:
        request: A request of `dataset_request`.

    Returns:
        The report; without a model there is nothing about one in it.

    Raises:
        CommandError: The inspection cannot run.
    """
    trainer_bridge.prepare_inspection()
    report = run_inspection(request)
    volume = request.job.spec.model.volume
    if volume is None or volume.claim_name != NO_MODEL:
        return report
    kept = [problem for problem in report.problems if problem.code not in ABOUT_MODEL]
    return report.model_copy(update={"model": None, "problems": kept})


ABOUT_MODEL = (ProblemCode.NO_CHAT_TEMPLATE, ProblemCode.BASE_MODEL)
"""Codes of warnings about the model alone."""


def _write_empty_model(directory: Path) -> None:
    """A config and the header of one small tensor, as safetensors writes it."""
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 8,
        "vocab_size": 8,
    }
    config |= {"num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    (directory / "config.json").write_text(json.dumps(config))
    tensor = {"dtype": "F32", "shape": [8, 8], "data_offsets": [0, 256]}
    header = json.dumps({"model.embed_tokens.weight": tensor}).encode()
    weights = struct.pack("<Q", len(header)) + header + bytes(256)
    (directory / "model.safetensors").write_bytes(weights)
