"""What to write where a value has another form than its field's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dpojob_api.quantity import COUNT_PATTERN, DURATION_PATTERN, MONEY_PATTERN
from dpojob_api.spec import DNS_NAME, REPO, REVISION, SECRET_KEY, SHARE_PATTERN, SPLIT

FORMS = {
    DNS_NAME: "use lower-case letters, digits, '-' and '.', like my-claim",
    SECRET_KEY: "a Secret's key is made of letters, digits, '-', '_' and '.', like token",
    REPO: "write a repository's name, like my-org/my-model",
    DURATION_PATTERN: "write a duration like 90s, 45m, 6h, 1h30m or 2d",
    MONEY_PATTERN: 'write an amount in quotes and without a currency, like "20.00"',
    COUNT_PATTERN: "write a number of parameters like 500M, 1.5B or 7B",
    REVISION: 'write a branch, a tag or a commit in quotes, like "main"',
    SHARE_PATTERN: 'write a number from 0 to 1 in quotes, with four decimals at most, like "0.55"',
    SPLIT: "name one split, like train; to train on several, write their rows into the files of one",
    r"^https?://": "write an address that begins with http:// or https://",
}
"""Pattern to an instruction for the user."""

SWITCHES = {
    "true": "write it without quotes", "false": "write it without quotes",
    "yes": "write true", "on": "write true", "no": "write false", "off": "write false",
    "1": "write true", "0": "write false",
}  # fmt: skip
"""A text in lower case to what to write where true or false is expected."""


def text_of_switch(value: Any, allowed: Collection[str]) -> str:
    """Write the advice for a word such as On that YAML took for true or false.

    Args:
        value: The value as YAML gave it.
        allowed: The texts that its field takes.

    Returns:
        The clause that follows the sentence on the value; empty for other values and fields.
    """
    meant = "On" if value is True else "Off"
    if not isinstance(value, bool) or meant not in allowed:
        return ""
    return (
        f': write it in quotes, "{meant}", since YAML takes the word alone for {str(value).lower()}'
    )
