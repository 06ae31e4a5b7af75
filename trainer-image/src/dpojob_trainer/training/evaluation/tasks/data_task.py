"""A task of the user's that is data alone: its dataset is read without local files, addresses or decoders of media."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import datasets
from lm_eval.api.task import ConfigurableTask

from dpojob_trainer.shared.benchmark_tasks import DATASET_FORMATS

from .metric_values import TaskError

DATA_FEATURES = (
    datasets.Value,
    datasets.ClassLabel,
    datasets.Json,
    datasets.Translation,
    datasets.TranslationVariableLanguages,
)
"""Features whose values are decoded without opening a file or an address that the data name."""
HUB = "hf://datasets/"


class DataTask(ConfigurableTask):  # type: ignore[misc]
    """A task whose dataset may name no code, no other file and no address."""

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """Read the dataset. Raises TaskError for one that is more than data."""
        # With the scheme a repository is never a directory of the same name.
        path = (
            self.DATASET_PATH if self.DATASET_PATH in DATASET_FORMATS else HUB + self.DATASET_PATH
        )
        builder = datasets.load_dataset_builder(
            path, name=self.DATASET_NAME, **(dataset_kwargs or {})
        )
        builder.download_and_prepare()
        dataset = builder.as_dataset()
        # Features are known without decoding a row.
        for split in dataset.values():
            _check_feature("", split.features)
        self.dataset = dataset


def _check_feature(name: str, feature: Any) -> None:
    """Raise TaskError for a feature that a library decodes, such as an image."""
    if isinstance(feature, Mapping):
        for key, value in feature.items():
            _check_feature(f"{name}.{key}" if name else key, value)
    elif isinstance(feature, datasets.List | datasets.LargeList):
        _check_feature(name, feature.feature)
    elif isinstance(feature, list):
        for value in feature:
            _check_feature(name, value)
    elif not isinstance(feature, DATA_FEATURES):
        raise TaskError(
            f"the column {name} of its dataset is of the type {type(feature).__name__}; a task may have text, "
            "numbers, and lists and objects of them"
        )
