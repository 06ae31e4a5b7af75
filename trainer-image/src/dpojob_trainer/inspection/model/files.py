"""Access to the files of a model, wherever they are, and to the values of its config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dpojob_trainer.shared.errors import ModelUnreadable

from .safetensors_header import Tensors

LARGEST_TEXT = 256 << 20
"""Bytes of the largest config or tokenizer file that is read."""


class ModelFiles(Protocol):
    """Access to the files of a model."""

    source: str
    revision: str | None

    def sizes(self) -> Mapping[str, int]:
        """Measure every file.

        Returns:
            Bytes by file name, relative to the model.
        """

    def read(self, name: str) -> bytes | None:
        """Read a small file.

        Args:
            name: The file, relative to the model.

        Returns:
            Its bytes; None when there is none of that name.
        """

    def header(self, name: str) -> Tensors:
        """Read the header of a safetensors file.

        Args:
            name: The file, relative to the model.

        Returns:
            By tensor name, its dtype and shape.

        Raises:
            InspectionError: The header is damaged.
        """

    def fingerprint(self, weights: Sequence[str]) -> str | None:
        """Hash the weight files and the configuration.

        Args:
            weights: The names of the weight files.

        Returns:
            The hash; None where `revision` identifies the model.
        """

    def base(self, name: str, revision: str | None) -> ModelFiles:
        """Open the base model of an adapter.

        Args:
            name: `base_model_name_or_path` of the adapter.
            revision: The revision of the base model; None for the default branch.

        Returns:
            Its files, on a mounted claim or in a repository.
        """


def check_text_size(source: str, name: str, size: int) -> None:
    """Refuse a text file that is too large to be read whole.

    Args:
        source: How messages call the model.
        name: The file.
        size: Its size in bytes.

    Raises:
        ModelUnreadable: It is larger than `LARGEST_TEXT`.
    """
    if size > LARGEST_TEXT:
        raise ModelUnreadable(f"{name} of {source} is larger than {LARGEST_TEXT >> 20} MiB")


def read_json(files: ModelFiles, name: str) -> dict[str, Any] | None:
    """Read a JSON object from a model's file.

    Args:
        files: The model's files.
        name: The file.

    Returns:
        The object, or None when the file does not exist.

    Raises:
        ModelUnreadable: The file does not hold a JSON object.
    """
    data = files.read(name)
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise ModelUnreadable(
            f"{name} of {files.source} is not JSON: {str(problem)[:150]}"
        ) from None
    if not isinstance(value, dict):
        raise ModelUnreadable(f"{name} of {files.source} is not a JSON object")
    return value


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """Find the settings of the language model.

    Args:
        config: The model's config.

    Returns:
        The config, with the values of `text_config` of a model that has several parts.
    """
    nested = config.get("text_config")
    return {**config, **nested} if isinstance(nested, dict) else config


def read_count(config: Mapping[str, Any], *names: str) -> int:
    """Read a number that may have several names.

    Args:
        config: The model's config.
        *names: Names of the field, in the order of looking.

    Returns:
        The first that is a whole number, or the largest of a list of such; 0 where none is. A negative number
        counts as 0: some configs write -1 for no limit.
    """
    for name in names:
        value = config.get(name)
        numbers = value if isinstance(value, list) else [value]
        if numbers and all(type(number) is int for number in numbers):
            return int(max(0, *numbers))
    return 0
