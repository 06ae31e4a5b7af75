"""The model that training began with and the tuned one, loaded for answering."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dpojob_trainer.inspection import hash_weights
from dpojob_trainer.shared.output_check import FILES_BESIDE_MODEL
from dpojob_trainer.training.adapters.loading import load_adapter
from dpojob_trainer.training.loop.memory import release_memory
from dpojob_trainer.training.setup.model_source import (
    DOWNLOADED_FILES,
    ModelLocation,
    locate_model,
)
from dpojob_trainer.training.setup.precision import choose_precisions, quantization_config
from dpojob_trainer.training.setup.train_job import TrainJob


@dataclass(frozen=True)
class ModelPair:
    """Both models. Where the tuned one is a new adapter, they share the weights of its base."""

    tokenizer: Any
    tuned: Any
    original: Any | None
    """The model before; None where it is `tuned` with its adapter switched off."""
    key: str
    """Identifies both models, by the job's settings and by their files: what is kept of other ones is not theirs."""

    @contextmanager
    def before(self) -> Iterator[Any]:
        """The model that training began with."""
        if self.original is not None:
            yield self.original
            return
        with self.tuned.disable_adapter():
            yield self.tuned

    @contextmanager
    def after(self) -> Iterator[Any]:
        """The tuned model."""
        yield self.tuned


class PairLoader:
    """Both models of a job, loaded when they are first needed."""

    def __init__(self, job: TrainJob) -> None:
        """Nothing is loaded yet."""
        self._job = job
        self._pair: ModelPair | None = None

    def get(self) -> ModelPair:
        """The models."""
        if self._pair is None:
            self._pair = load_pair(self._job)
        return self._pair

    def release(self) -> None:
        """Free the models' memory, for a judge."""
        self._pair = None
        release_memory()


def load_pair(job: TrainJob) -> ModelPair:
    """Load the model that `job` began with and its finished output."""
    start = locate_model(job)
    adapter = (job.output / "adapter_config.json").is_file()
    tokenizer = AutoTokenizer.from_pretrained(job.output, trust_remote_code=False)
    key = _files_key(job, start)
    if adapter and start.adapter is None:
        base = _weights(job, start.model, quantize=job.plan.method == "qlora")
        return ModelPair(tokenizer, load_adapter(base, job.output).eval(), None, key)
    if adapter:
        base = _weights(job, start.model, quantize=job.plan.method == "qlora")
        tuned = load_adapter(base, job.output)
    else:
        tuned = _weights(job, job.output, quantize=False)
    return ModelPair(tokenizer, tuned.eval(), _original(job, start).eval(), key)


def _files_key(job: TrainJob, start: ModelLocation) -> str:
    """The job's key with the content of both models' weights, configurations and tokenizers.

    The time of writing counts only on a claim: a repository is downloaded anew by each attempt, and its files
    are links to their content.
    """
    parts = [job.key]
    for directory in (start.model, start.adapter, start.tokenizer, job.output):
        if directory is None:
            continue
        files = [path for path in directory.iterdir() if path.is_file() and _is_loaded(path.name)]
        parts.append(hash_weights(files))
        parts += [str(path.stat().st_mtime_ns) for path in sorted(files) if not path.is_symlink()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_loaded(name: str) -> bool:
    """Whether a file of a model's directory decides about answers, unlike documents and what this job wrote beside it."""
    patterns = (*DOWNLOADED_FILES, "*.bin")
    return name not in FILES_BESIDE_MODEL and any(fnmatch(name, pattern) for pattern in patterns)


def _original(job: TrainJob, start: ModelLocation) -> Any:
    model = _weights(job, start.model, quantize=job.plan.method == "qlora")
    return model if start.adapter is None else load_adapter(model, start.adapter)


def _weights(job: TrainJob, directory: Path, *, quantize: bool) -> Any:
    dtype = choose_precisions(job.plan, job.parameters).compute_dtype
    options: dict[str, Any] = {
        **(job.spec.training.arguments.get("model_init_kwargs") or {}),
        "dtype": dtype,
        "trust_remote_code": False,
    }
    if quantize:
        options["quantization_config"] = quantization_config(dtype)
    if torch.cuda.is_available():
        # A model that was sharded over several GPUs may not fit on one.
        options["device_map"] = "auto" if job.plan.sharded else {"": 0}
    return AutoModelForCausalLM.from_pretrained(directory, **options)
