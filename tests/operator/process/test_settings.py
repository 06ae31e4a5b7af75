"""Settings name the variable that is wrong."""

from __future__ import annotations

import pytest

from dpojob_operator.process import SettingsError
from dpojob_operator.process.settings import load

LEAST = {"DPOJOB_OPERATOR_INSPECT_IMAGE": "i", "DPOJOB_OPERATOR_TRAIN_IMAGE": "t"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INSPECT_IMAGE", ""),
        ("WORKERS", "many"),
        ("RESYNC_SECONDS", "0"),
        ("RESYNC_SECONDS", "nan"),
        ("POD_ENV", "{"),
        ("TRAIN_RESOURCES", "[]"),
        ("LEADER_ELECTION", "perhaps"),
        ("IMAGE_PULL_POLICY", "Sometimes"),
    ],
)
def test_an_invalid_value_is_reported_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"DPOJOB_OPERATOR_{name}"):
        load({**LEAST, f"DPOJOB_OPERATOR_{name}": value})


def test_empty_means_absent_except_where_none_is_a_choice() -> None:
    assert load({**LEAST, "DPOJOB_OPERATOR_WORKERS": ""}).workers == 16
    assert load(LEAST).hub_endpoint == "https://huggingface.co"
    assert load({**LEAST, "DPOJOB_OPERATOR_HUB_ENDPOINT": "none"}).hub_endpoint == ""
