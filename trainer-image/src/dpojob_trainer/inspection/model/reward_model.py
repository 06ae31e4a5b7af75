"""Whether the reward model of `evaluation.judge` can judge, from its configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import ModelSource, RewardModel
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.problem_text import warning
from dpojob_trainer.shared.reward_model import ARCHITECTURE

from .dispatch import open_model
from .files import ModelFiles, read_count, read_json, text_config

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
DEFAULT_LABELS = 2
"""Outputs of a model whose configuration has neither num_labels nor id2label, as transformers has it."""


def inspect_reward_model(
    judge: RewardModel, volumes: Mapping[str, Path], token: str | None
) -> tuple[int, list[Problem]]:
    """Find out the size of the reward model, and warn where it cannot judge; training does not need it.

    Args:
        judge: `evaluation.judge.rewardModel`.
        volumes: The directory at which each claim is mounted.
        token: A token for the Hugging Face hub.

    Returns:
        Bytes of its weight files, 0 where they cannot be read, and at most one warning.
    """
    source = ModelSource(repo=judge.repo, revision=judge.revision, volume=judge.volume)
    size = 0
    try:
        files = open_model(source, volumes, token)
        size = _weight_bytes(files.sizes())
        config = read_json(files, "config.json")
        problem = (
            _problem(files, config)
            or _weights_problem(files, downloaded=judge.repo is not None)
            or _tokenizer_problem(files, text_config(config or {}))
        )
    except InspectionError as error:
        problem = error.message
    if problem is None:
        return size, []
    return size, [
        warning(
            ProblemCode.UNUSABLE_JUDGE,
            f"evaluation.judge.rewardModel: {problem}. As it is, the condition Improved will stay Unknown.",
        )
    ]


def _weight_bytes(sizes: Mapping[str, int]) -> int:
    """The size of the weights as transformers loads them: safetensors before its other formats."""
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        found = sum(size for name, size in sizes.items() if fnmatchcase(name, pattern))
        if found:
            return found
    return 0


def _problem(files: ModelFiles, config: Mapping[str, Any] | None) -> str | None:
    """What keeps a model from judging; None where nothing does."""
    if config is None:
        return f"{files.source} has no config.json"
    architectures = config.get("architectures")
    names = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if not any(name.endswith(ARCHITECTURE) for name in names):
        kind = ", ".join(names)[:100] or "model without architecture"
        return f"{files.source} is a {kind}; a reward model's architecture ends with {ARCHITECTURE}"
    labels = _labels(config)
    if labels != 1:
        return f"{files.source} has {labels} outputs; a reward model has one"
    if not {*TOKENIZER_FILES} & files.sizes().keys():
        return f"{files.source} has no tokenizer ({', '.join(TOKENIZER_FILES[:2])}); save it beside the model"
    return None


def _weights_problem(files: ModelFiles, *, downloaded: bool) -> str | None:
    """What keeps its weights from being loaded; only safetensors are downloaded from a repository."""
    names = files.sizes()
    if any(fnmatchcase(name, "*.safetensors") and "/" not in name for name in names):
        return None
    if downloaded:
        return f"{files.source} holds no weights as safetensors"
    if not any(fnmatchcase(name, "pytorch_model*.bin") for name in names):
        return f"{files.source} has no weights (model.safetensors)"
    return None


def _tokenizer_problem(files: ModelFiles, config: Mapping[str, Any]) -> str | None:
    """What shows that the tokenizer beside the model is another one's: a token without an embedding; else None."""
    # Tokens that were added to the vocabulary do not count: some models never use theirs.
    known, largest = read_count(config, "vocab_size"), _largest_token(files)
    if not known or largest is None or largest < known:
        return None
    return (
        f"{files.source} has embeddings of {known} tokens, and the tokenizer beside it gives token {largest}: it is "
        "another model's; save the reward model's own"
    )


def _largest_token(files: ModelFiles) -> int | None:
    """The largest token of the vocabulary in tokenizer.json or vocab.json; None where there is none to be read."""
    model = (read_json(files, "tokenizer.json") or {}).get("model")
    vocabulary = (
        model.get("vocab") if isinstance(model, Mapping) else read_json(files, "vocab.json")
    )
    if isinstance(vocabulary, list):
        return len(vocabulary) - 1  # Unigram: tokens with their scores, by place.
    if not isinstance(vocabulary, Mapping):
        return None
    return max((token for token in vocabulary.values() if type(token) is int), default=None)


def _labels(config: Mapping[str, Any]) -> int:
    """The number of outputs: that of id2label, as transformers counts them, else num_labels."""
    named = config.get("id2label")
    if isinstance(named, Mapping) and named:
        return len(named)
    number = config.get("num_labels")
    return number if isinstance(number, int) else DEFAULT_LABELS
