"""Chooses the kind of source from `spec.dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dpojob_api.spec import DatasetSource
from dpojob_trainer.shared.errors import DatasetNotFound

from .data_files import FoundSource
from .volume import open_volume


def open_source(
    dataset: DatasetSource,
    volumes: Mapping[str, Path],
    token: str | None,
    split: str,
    *,
    evaluation: bool = False,
) -> FoundSource:
    """Find the files of a split, without fetching them.

    Args:
        dataset: The dataset of the spec.
        volumes: The directory at which each claim is mounted.
        token: A token for the Hugging Face hub.
        split: The name of the split.
        evaluation: Whether it is the split of `dataset.eval`; messages then name that field.

    Returns:
        The files in the order in which their rows are numbered.

    Raises:
        DatasetNotFound: The dataset or the split does not exist, or may not be read.
    """
    if dataset.repo is not None:
        # Imported here, as the client of URLs below, since the clients take time to import that others need not wait for.
        from .hub_repository import open_hub

        return open_hub(dataset, split, token, evaluation=evaluation)
    if dataset.volume is not None:
        return open_volume(dataset.volume, volumes, split, evaluation=evaluation)
    if dataset.urls is not None:
        if evaluation:
            raise DatasetNotFound(
                "dataset.urls has no splits, so dataset.eval.split cannot be read; write "
                "dataset.eval: {fraction: 0.02}"
            )
        from .download import open_urls

        return open_urls(dataset.urls, split)
    raise DatasetNotFound("spec.dataset names no repo, volume or urls")
