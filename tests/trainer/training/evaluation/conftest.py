"""Evaluations answer as many prompts, as long, as they do for users."""

import pytest


@pytest.fixture
def short_answers(trainer_imported: None) -> None:
    """In place of the fixture that shortens answers."""
