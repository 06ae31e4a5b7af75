"""A split is one name: no variable that nothing replaced, and not several splits joined."""

from __future__ import annotations

from typing import Any

import pytest

from dpojob_api.constants import API_VERSION
from dpojob_api.manifest import ManifestError, load_all

ONE = "name one split, like train; to train on several, write their rows into the files of one"


def messages(dataset: dict[str, Any]) -> list[str]:
    spec = {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d", **dataset}}
    document = {"apiVersion": API_VERSION, "kind": "DPOJob", "metadata": {"name": "x"}}
    try:
        load_all([document | {"spec": spec}])
    except ManifestError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"split": "$SPLIT"}, 'spec.dataset.split is "$SPLIT": nothing replaces $SPLIT in a'),
        ({"split": "train+test"}, ONE),
        ({"eval": {"split": "{{ .Values.split }}"}}, ONE),
    ],
)
def test_what_is_not_one_split_is_refused(dataset: dict[str, Any], expected: str) -> None:
    (message,) = messages(dataset)
    assert expected in message


@pytest.mark.parametrize("split", ["train", "train_prefs", "2024-05", "v1.0", "données"])
def test_names_of_splits_are_accepted(split: str) -> None:
    assert messages({"split": split}) == []
