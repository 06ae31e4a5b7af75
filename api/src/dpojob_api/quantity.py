"""Numbers of parameters, durations, amounts of money and Kubernetes quantities as text."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Context, Decimal, InvalidOperation

_COUNT = re.compile(r"^(\d+(?:\.\d+)?)([KMBT]?)$")
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_DURATION_PART = re.compile(r"(\d+)(d|h|m|s)")
LONGEST_SECONDS = 10**10
"""About three centuries; a longer timedelta cannot be added to a date."""
_MONEY_CONTEXT = Context(prec=64)
"""Precise enough for any amount that MONEY_PATTERN allows, times any duration."""
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_QUANTITY = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})")
_QUANTITY_SCALE = {
    "": Decimal(1), "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTP", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", 1)},
}  # fmt: skip

COUNT_PATTERN = r"^[0-9]+(\.[0-9]+)?[KMBT]?$"
"""A number of parameters: "500M", "1.5B", "7000000000"."""
DURATION_PATTERN = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
"""A duration: "6h", "1h30m", "2d", "90s"."""
MONEY_PATTERN = r"^[0-9]+(\.[0-9]{1,6})?$"
"""An amount in the installation's currency, as a decimal string."""


def parse_count(text: str) -> int:
    """Read a number of parameters.

    Args:
        text: Text that matches COUNT_PATTERN, such as "1.5B".

    Returns:
        The number, 1500000000.

    Raises:
        ValueError: The text has another form; the message names the accepted ones.
    """
    match = _COUNT.match(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a number of parameters; write it like 500M, 1.5B or 7B")
    return int(Decimal(match[1]) * _SCALE[match[2]])


def format_count(count: int) -> str:
    """Write a number of parameters.

    Args:
        count: The number, such as 1543714304.

    Returns:
        "1.5B": at most one decimal.
    """
    for suffix in ("T", "B", "M", "K"):
        scale = _SCALE[suffix]
        if count >= scale:
            return f"{count / scale:.1f}".removesuffix(".0") + suffix
    return str(count)


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Args:
        text: Text that matches DURATION_PATTERN, such as "1h30m".

    Returns:
        The duration, 90 minutes; at most LONGEST_SECONDS.

    Raises:
        ValueError: The text has another form; the message names the accepted ones.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 45m, 6h, 1h30m or 2d")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    return timedelta(seconds=min(seconds, LONGEST_SECONDS))


def format_duration(seconds: float) -> str:
    """Write a duration in its two largest units, so that it fits a column.

    Args:
        seconds: The duration; negative ones count as 0.

    Returns:
        Text such as "1h30m" for 5400.
    """
    left = max(0, round(seconds))
    parts = []
    for unit, size in _SECONDS.items():
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts[:2]) or "0s"


def parse_quantity(text: str) -> Decimal:
    """Read a Kubernetes quantity (apimachinery, `resource.Quantity`).

    Args:
        text: A number with or without a suffix, such as 8Gi, 500M, 250m or 1e9.

    Returns:
        The number: bytes, cores or pieces.

    Raises:
        ValueError: The text is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _QUANTITY_SCALE:
        raise ValueError(f"{text!r} is no quantity")
    try:
        return Decimal(match[1]) * _QUANTITY_SCALE[match[2]]
    except InvalidOperation:
        raise ValueError(f"{text!r} is no quantity") from None


def money(amount: Decimal) -> str:
    """Round an amount to cents, as it is shown and compared.

    Args:
        amount: In the installation's currency.

    Returns:
        Text such as "12.30", rounded half to even.
    """
    return str(amount.quantize(Decimal("0.01"), context=_MONEY_CONTEXT))
