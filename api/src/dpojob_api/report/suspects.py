"""The part of the inspection report about accepted rows that may be wrong."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from dpojob_api.base import Count, LenientModel


class SuspectKind(StrEnum):
    """Why an accepted row is suspected."""

    SWAPPED_PAIR = "SwappedPair"
    """The rejected answer is probably the better one."""
    NEAR_IDENTICAL_PAIR = "NearIdenticalPair"
    """Both answers are nearly the same."""
    NEAR_DUPLICATE = "NearDuplicate"
    """An earlier row is nearly the same."""
    SECRET = "Secret"
    """An answer holds a key, a token or a password."""
    PERSONAL_DATA = "PersonalData"
    """An answer holds an address, a phone number or the like."""
    LANGUAGE_MIX = "LanguageMix"
    """An answer is in a language that few rows have."""
    GIVEAWAY = "Giveaway"
    """Form alone tells chosen from rejected in most rows."""


class Suspects(LenientModel):
    """The rows of one kind that may be wrong although each is valid."""

    kind: SuspectKind
    rows: Count = Field(default=0, description="How many of the compared rows.")
    examples: list[Count] = Field(
        default_factory=list, description="0-based numbers of the first ones, at most 10."
    )
    message: str = Field(default="", description="What was found, without any secret's text.")
