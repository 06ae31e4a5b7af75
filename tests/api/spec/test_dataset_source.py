from typing import Any

import pytest

from dpojob_api.spec import PreferenceLabel, label_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        ("-1.0", "-1"),
        (0.5, "0.5"),
        (True, "true"),
        (" Model_A\n", "model_a"),
        ("v1.0", "v1.0"),
        (None, None),
        (["a"], ["a"]),
    ],
)
def test_labels_are_compared_without_case_white_space_and_form_of_numbers(
    value: Any, text: Any
) -> None:
    assert label_text(value) == text


def test_the_values_of_a_label_are_kept_as_they_are_compared() -> None:
    label = PreferenceLabel(column="winner", first=[1, "Model_A"], second=2.0, tie="TIE ")  # type: ignore[arg-type]
    assert (label.first, label.second, label.tie) == (["1", "model_a"], "2", "tie")
