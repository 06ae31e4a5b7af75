"""What a message says to write where a value has another form than its field's."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.manifest.messages import messages

SHARE = 'write a number from 0 to 1 in quotes, with four decimals at most, like "0.55"'
JUDGED = {"judge": {"rewardModel": {"repo": "org/reward"}}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"evaluation": {**JUDGED, "require": {"winRate": 55}}}, SHARE),
        ({"evaluation": {**JUDGED, "require": {"winRate": "55%"}}}, SHARE),
        (
            {"model": {"repo": "a/b", "revision": False}},
            'write a branch, a tag or a commit in quotes, like "main"',
        ),
        (
            {"training": {"prefixSharing": True}},
            'write it in quotes, "On", since YAML takes the word alone for true',
        ),
        (
            {"training": {"prefixSharing": False}},
            'write it in quotes, "Off", since YAML takes the word alone for false',
        ),
    ],
    ids=["a percentage", "with its sign", "a revision", "On", "Off"],
)
def test_a_value_of_another_form_gets_what_to_write(parts: dict[str, Any], expected: str) -> None:
    (message,) = messages(**parts)
    assert message.endswith(expected)
    assert "^" not in message


def test_a_switch_is_not_taken_for_a_choice_that_has_no_such_word() -> None:
    (message,) = messages(dataset={"repo": "c/d", "invalidRows": True})
    assert "quotes" not in message
