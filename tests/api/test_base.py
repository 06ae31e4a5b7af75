"""Models are written as valid JSON, whatever their numbers."""

from __future__ import annotations

import json
import math

import pytest

from dpojob_api.progress import Progress


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_is_left_out(figure: float) -> None:
    wire = json.loads(Progress(step=3, loss=figure, grad_norm=1.5).wire_json())
    assert "loss" not in wire
    assert (wire["step"], wire["gradNorm"]) == (3, 1.5)
