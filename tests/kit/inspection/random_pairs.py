"""Pairs of random words, of which none is suspect, and texts that make one suspect."""

from __future__ import annotations

import random
from typing import Any

WORDS = [
    "".join(random.Random(seed).choices("abcdefghijklmnoprstuvw", k=3 + seed % 6))
    for seed in range(900)
]


def pair(number: int) -> dict[str, Any]:
    dice = random.Random(number)
    return {
        "prompt": " ".join(dice.choices(WORDS, k=20)) + "?",
        "chosen": " ".join(dice.choices(WORDS, k=30)) + dice.choice([".", "!", ""]),
        "rejected": " ".join(dice.choices(WORDS, k=30)) + dice.choice([".", "!", ""]),
    }


PLAIN = [pair(number) for number in range(60)]
SECRETS = {
    "AWS access key": "AKIAQ3EGRVZX7TSWAB2C",
    "GitHub token": "ghp_0a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXy",
    "password": "password = 'Tr0ub4dor&3x'",
}
