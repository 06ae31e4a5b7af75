"""A split is one name: no variable that nothing replaced, and not several splits joined."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.manifest.messages import messages

ONE = "name one split, like train; to train on several, write their rows into the files of one"


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"split": "$SPLIT"}, 'spec.dataset.split is "$SPLIT": nothing replaces $SPLIT in a'),
        ({"split": "train+test"}, ONE),
        ({"eval": {"split": "{{ .Values.split }}"}}, ONE),
    ],
)
def test_what_is_not_one_split_is_refused(dataset: dict[str, Any], expected: str) -> None:
    (message,) = messages(dataset={"repo": "c/d", **dataset})
    assert expected in message


@pytest.mark.parametrize("split", ["train", "train_prefs", "2024-05", "v1.0", "données"])
def test_names_of_splits_are_accepted(split: str) -> None:
    assert messages(dataset={"repo": "c/d", "split": split}) == []
