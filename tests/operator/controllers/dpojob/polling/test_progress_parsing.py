"""What a training pod answers is a progress or a ValueError, whatever it is."""

from __future__ import annotations

import math

import pytest

from dpojob_operator.controllers.dpojob.progress_poller import parse


def test_values_that_are_no_json_numbers_become_absent() -> None:
    read = parse(b'{"step": 3, "loss": NaN, "gradNorm": Infinity, "margin": -0.5}')
    assert (read.step, read.loss, read.grad_norm, read.margin) == (3, None, None, -0.5)
    assert not any(isinstance(v, float) and math.isnan(v) for v in read.wire().values())


@pytest.mark.parametrize(
    "figure", [b"1" + b"0" * 400, b"-1" + b"0" * 400, b"1e400", b"1e39", b"NaN", b"-Infinity"]
)
def test_a_figure_beyond_a_float_is_absent(figure: bytes) -> None:
    read = parse(b'{"step": 3, "loss": %b, "stepsPerSecond": %b}' % (figure, figure))
    assert (read.step, read.loss, read.steps_per_second) == (3, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 60_000,
        b'{"health": ' * 6_000,
        b'{"step": 1' + b"0" * 400 + b"}",
        b'{"step": 1' + b"0" * 5_000 + b"}",
        b'{"step": -1}',
        b'{"epoch": NaN}',
        b'{"stepsPerSecond": -0.1}',
        b'{"etaSeconds": -5}',
        b'{"peakMemoryGiB": -1}',
        b'{"health": {"message": "\\ud800"}}',
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_every_other_body_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
