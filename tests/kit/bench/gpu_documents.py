"""Cells of bench/gpu as a card with known properties would leave them."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

from bench.gpu.fit import passes_of, settings_of, shape_of
from bench.gpu.measurements.grid import CASES
from bench.gpu.models import facts_of, fields_of
from bench.gpu.step import RANK

from dpojob_planner.estimates.gpu import token_flops


@dataclass(frozen=True)
class Card:
    """The properties that the fit is to find."""

    teraflops: float = 120.0
    half_rate_tokens: float = 700.0
    layer_seconds: float = 0.0002
    slowdown: float = 1.5
    fragmentation: float = 0.05
    context_gib: float = 0.7
    matmul_teraflops: float = 200.0
    others_mib: int = 0
    """Memory that other processes use."""


def cells(card: Card, noise: float = 0.0, seed: int = 0) -> list[dict[str, Any]]:
    """All cells of the grid, the products and the driver; each figure is off by up to `noise`."""
    draw = random.Random(seed)

    def off() -> float:
        return 1.0 + draw.uniform(-noise, noise)

    found = [
        ok("facts/driver", {"card": "NVIDIA A10G", "usedByOthersMiB": card.others_mib}),
        ok("matmul/8192", {"sustainedTeraflops": card.matmul_teraflops}),
    ]
    for case in CASES:
        result: dict[str, Any] = {
            "case": asdict(case),
            "facts": facts_of(fields_of(case.shape, rehearsal=False)).wire(),
            "rank": RANK,
            "persistentGiB": 3.0,
            "allocatedPeakGiB": 13.0,
            "reservedPeakGiB": 13.0 + 10.0 * card.fragmentation * off(),
            "contextGiB": card.context_gib * off() + card.others_mib / 1024,
        }
        shape, settings = shape_of(result), settings_of(result)
        flops = token_flops(shape, settings.length) / (card.teraflops * 1e12)
        each = (settings.tokens + card.half_rate_tokens) * flops
        each += shape.layers * card.layer_seconds
        slowdown = card.slowdown if case.method == "qlora" else 1.0
        result["stepSeconds"] = passes_of(result) * each * slowdown * off()
        found.append(ok(f"grid/{case.key}", result))
    return found


def ok(key: str, result: dict[str, Any]) -> dict[str, Any]:
    """A cell that was measured."""
    return {"cell": key, "status": "ok", "seconds": 1.0, "result": result}
