"""How a reward model is known: it scores a text by a head for classification."""

from __future__ import annotations

ARCHITECTURE = "ForSequenceClassification"
"""The end of the architecture's name that a reward model has."""
