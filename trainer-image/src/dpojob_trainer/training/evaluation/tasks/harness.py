"""lm-evaluation-harness around a model in memory: the values of a task's samples."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import evaluate as metrics_of_hub
import lm_eval.utils
import numpy as np
import torch
from jinja2 import BaseLoader, StrictUndefined
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from lm_eval.api.metrics import perplexity
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Entry, Kind
from lm_eval.tasks._yaml_loader import load_yaml

from dpojob_api.spec import EvaluationTask
from dpojob_trainer.shared.benchmark_tasks import read_index, read_task_file
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training.setup.train_job import TrainJob

from .data_task import DataTask
from .metric_values import MetricValues, Sample, TaskError, is_number

log = logging.getLogger(__name__)
BATCH_SIZES = (16, 4, 1)
"""Samples at a time, tried in this order where the GPU's memory runs out."""
SEED = 1234
"""The harness's own seed, of few-shot examples too."""
PLAIN_TYPES = (str, list, dict, tuple, int, float, LoopContext, Namespace)
"""Types whose attributes a template may read: values of JSON, and what Jinja itself offers a template."""
KINDS = {"task": Kind.TASK, "group": Kind.GROUP, "tag": Kind.TAG}


class _QuietModel(HFLM):  # type: ignore[misc]
    """A model in memory that draws no progress bar in the pod's log."""

    def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """Compute what the harness does."""
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """As the harness does."""
        return super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """As the harness does."""
        return super().generate_until(requests, disable_tqdm=disable_tqdm)


class LoadedTask:
    """A task, group or tag with its samples, which several models take."""

    def __init__(self, job: TrainJob, spec: EvaluationTask) -> None:
        """Read the task's file and its dataset. Raises what those raise."""
        self._limit = spec.limit
        manager = TaskManager(include_defaults=False)
        if spec.volume is None:
            root = Path(lm_eval.tasks.__file__).parent
            manager.task_index.update(_entries(root))
            loaded = manager.load(spec.name)
        else:
            loaded = manager.load(_own_task(job, spec))
        self._loaded = loaded
        for task in loaded["tasks"].values():
            if task.get_config("num_fewshot") is None:
                task.set_config(key="num_fewshot", value=0)

    def run(self, model: Any, tokenizer: Any, *, chat: bool) -> list[MetricValues]:
        """The values of all samples by each metric that has a number for every one.

        Args:
            model: A causal language model.
            tokenizer: Its tokenizer.
            chat: Whether questions are turns of a conversation, by the tokenizer's template.
        """
        for size in BATCH_SIZES:
            _seed()
            for task in self._loaded["tasks"].values():
                task.set_fewshot_seed(seed=SEED)
            wrapped = _QuietModel(
                pretrained=model, tokenizer=copy.deepcopy(tokenizer), batch_size=size
            )
            try:
                found = evaluate(
                    wrapped,
                    self._loaded,
                    limit=self._limit,
                    bootstrap_iters=0,
                    apply_chat_template=chat,
                    fewshot_as_multiturn=chat,
                )
            except torch.OutOfMemoryError:
                if size == BATCH_SIZES[-1]:
                    raise
                log.warning("out of GPU memory with %d samples at a time: trying fewer", size)
                torch.cuda.empty_cache()
                continue
            return [
                MetricValues(metric, name, self._higher_is_better(metric), values)
                for (metric, name), values in _values_by_metric(found["samples"]).items()
            ]
        raise AssertionError("the last batch size returns or raises")

    def _higher_is_better(self, metric: str) -> bool:
        """Whether a higher value of a metric is the better one."""
        for task in self._loaded["tasks"].values():
            if (task.aggregation() or {}).get(metric) is perplexity:
                # A sample's value is the log-likelihood; only the aggregate is a perplexity.
                return True
            known = (task.higher_is_better() or {}).get(metric)
            if known is not None:
                return bool(known)
        return True


def _values_by_metric(
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[tuple[str, str], dict[Sample, float]]:
    """Give the values by metric and filter, for those that all tasks have with a number for each sample."""
    found: dict[tuple[str, str], dict[Sample, Any]] = {}
    tasks: dict[tuple[str, str], set[str]] = {}
    for task, records in samples.items():
        for record in records:
            for metric in record["metrics"]:
                key = (metric, record["filter"])
                sample = (task, int(record["doc_id"]), str(record["doc_hash"]))
                found.setdefault(key, {})[sample] = record[metric]
                tasks.setdefault(key, set()).add(task)
    return {
        key: {sample: float(value) for sample, value in values.items()}
        for key, values in found.items()
        if tasks[key] == samples.keys() and all(map(is_number, values.values()))
    }


def _own_task(job: TrainJob, spec: EvaluationTask) -> dict[str, Any] | DataTask:
    """The task of a file, with its code where the installation allows that. Raises TaskFileError and TaskError."""
    assert spec.volume is not None
    path, root = job.path(spec.volume), job.volumes[spec.volume.claim_name]
    allow_code = ContainerEnvironment().allow_programs
    fields = read_task_file(path, root, allow_code=allow_code)
    if not allow_code:
        return DataTask(config={**fields, "task": spec.name})
    # The same fields with the functions that the file names.
    fields = load_yaml(path, resolve_func=True) | {
        name: fields[name] for name in ("dataset_kwargs",) if name in fields
    }
    return {**fields, "task": spec.name}


def _entries(root: Path) -> Iterator[tuple[str, Entry]]:
    for name, (kind, place, _) in read_index().items():
        if kind == "tag":
            yield name, Entry(name, Kind.TAG, None, tags=set(place.split()))
        else:
            yield name, Entry(name, KINDS[kind], root / place)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a template reaches methods of plain values only, with the harness's own filters."""

    def __init__(self) -> None:
        """Create it with the options of the harness."""
        super().__init__(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
        self.filters.update(lm_eval.utils.env.filters)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read an attribute: an object of a library, such as an image, may write files."""
        return isinstance(obj, PLAIN_TYPES) and super().is_safe_attribute(obj, attr, value)


def _load_metric(*args: Any, **options: Any) -> Any:
    """`evaluate.load`, which downloads a program from the hub and runs it, where that is allowed."""
    if not ContainerEnvironment().allow_programs:
        raise TaskError(
            f"it computes {args[0] if args else 'a metric'} by a program of the hub, which this installation does "
            "not allow (chart value evaluation.allowPrograms)"
        )
    return _load_any_metric(*args, **options)


# Tasks of the harness call it by this name.
_load_any_metric = metrics_of_hub.load
metrics_of_hub.load = _load_metric
# A template of a user's file could run any code in the harness's own environment.
lm_eval.utils.env = _Sandbox()


def _seed() -> None:
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
