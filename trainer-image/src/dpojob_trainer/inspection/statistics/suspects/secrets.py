"""Secrets and personal data in texts, and how they are masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

SHOWN = 4
"""Characters of a secret that a report may show."""

_SECRETS: dict[str, str] = {
    "private key": r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8192}",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,255}",
    "OpenAI or Anthropic key": r"\bsk-[A-Za-z0-9_-]{20,255}",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,255}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,1024}\.[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{10,1024}",
    "password": r"(?i:\b(?:password|passwd|secret|api[_-]?key)\b[\"']? ?[:=] ?[\"'])[^\"'\s]{8,128}(?=[\"'])",
}
_PERSONAL: dict[str, str] = {
    "e-mail address": r"\b[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}\b",
    "phone number": r"(?<![\w+])\+[1-9][0-9]{0,2}(?:[ -]?\(?[0-9]{2,4}\)?){2,5}\b",
    "card number": r"\b[3-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{3,4}\b",
    "IBAN": r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "US social security number": r"\b(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}\b",
}
_EXAMPLES = ("example.", "test.", "domain.", "email.", "localhost", "yourcompany", "company.com")
"""Parts of the domains of addresses that belong to no person (RFC 2606 and common placeholders)."""
MIN_DIFFERENT_CHARACTERS = 5
"""A placeholder such as sk-xxxxxxxx has fewer."""
_SECRET_HINTS = (
    "-----begin", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "hf_", "sk-", "aiza",
    "xox", "eyj", "password", "passwd", "secret", "apikey", "api_key", "api-key",
)  # fmt: skip
"""A match holds one of these in any case; most texts hold none."""
_NOT_IN_PERSONAL_DATA = bytes(set(range(256)) - set(b"0123456789@"))
_SECRET_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _SECRETS.items()}
_PERSONAL_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _PERSONAL.items()}


def find_secret(text: str) -> str | None:
    """Find a secret.

    Args:
        text: Any text.

    Returns:
        Its kind; None where there is none.
    """
    # Some letters outside of ASCII are equal to letters of the hints up to case.
    lower = text.lower()
    if text.isascii() and not any(hint in lower for hint in _SECRET_HINTS):
        return None
    return _first_kind(text, _SECRET_PATTERNS, _is_secret)


def find_personal_data(text: str) -> str | None:
    """Find personal data: an address, a phone number, or a number with a correct check digit.

    Args:
        text: Any text.

    Returns:
        Its kind; None where there is none.
    """
    if not text.encode(errors="ignore").translate(None, _NOT_IN_PERSONAL_DATA):
        return None
    return _first_kind(text, _PERSONAL_PATTERNS, _is_personal)


def _first_kind(
    text: str,
    patterns: Mapping[str, re.Pattern[str]],
    is_one: Callable[[str, str], bool],
) -> str | None:
    """The first kind with a confirmed match."""
    for kind, pattern in patterns.items():
        if any(is_one(kind, match[0]) for match in pattern.finditer(text)):
            return kind
    return None


def redacted(text: str) -> str:
    """Mask secrets and personal data.

    Args:
        text: Any text.

    Returns:
        The text with the first characters of each and its length.
    """
    for patterns in (_SECRET_PATTERNS, _PERSONAL_PATTERNS):
        for kind, pattern in patterns.items():
            text = pattern.sub(lambda match, kind=kind: _masked(kind, match[0]), text)  # type: ignore[misc]
    return text


def redacted_value(value: Any) -> Any:
    """Mask secrets and personal data in all texts of a value.

    Args:
        value: A row, or a JSON value of it.

    Returns:
        The same with `redacted` texts; keys stay as they are.
    """
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_value(item) for key, item in value.items()}
    return [redacted_value(item) for item in value] if isinstance(value, list) else value


def _masked(kind: str, value: str) -> str:
    if kind in _PERSONAL and not _is_personal(kind, value):
        return value
    shown = "" if kind == "password" else value[:SHOWN]
    return f"{shown}…[{kind}, {len(value)} characters]"


def _is_secret(kind: str, value: str) -> bool:
    body = value[-20:] if kind != "password" else re.split(r"[\"']", value)[-1]
    return len(set(body)) >= MIN_DIFFERENT_CHARACTERS and "example" not in value.lower()


def _is_personal(kind: str, value: str) -> bool:
    if kind == "e-mail address":
        domain = value.rsplit("@", 1)[1].lower()
        return not any(domain.startswith(part) or part in f".{domain}" for part in _EXAMPLES)
    digits = re.sub(r"[^0-9]", "", value)
    if kind == "card number":
        return len(set(digits)) > 2 and _passes_luhn(digits)
    if kind == "IBAN":
        return _passes_iban(value.replace(" ", ""))
    if kind == "phone number":
        return 9 <= len(digits) <= 15 and "555" not in digits and len(set(digits)) > 3
    return True


def _passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _passes_iban(value: str) -> bool:
    """ISO 13616, by ISO 7064 MOD 97-10."""
    moved = value[4:] + value[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
