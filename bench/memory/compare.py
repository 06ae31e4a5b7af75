"""Predicted against measured memory of a DPO step, from measured.json.

    python bench/memory/compare.py

Compared are the tensors alone: the planner's CUDA context and fragmentation are left out on both sides.
Ends with status 1 when a prediction lies more than 2% below its measured peak, or when the median
distance is more than 10%.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpojob_api.report import ModelFacts
from dpojob_planner.estimates import DeviceSettings, estimate_memory, infer_model_shape

MEASURED = Path(__file__).with_name("measured.json")
BELOW = 0.02
MEDIAN = 0.10


@dataclass(frozen=True)
class Row:
    """One measured peak and its prediction, GiB."""

    name: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """Positive when more was predicted than measured."""
        return self.predicted / self.measured - 1


def rows(measured: dict[str, Any]) -> list[Row]:
    """Two for each case: the first micro-batch of a step, and one with gradients accumulated before."""
    found = []
    for key, case in measured["cases"].items():
        shape = infer_model_shape(ModelFacts.model_validate(case["facts"]))
        for moment in ("single", "accumulated"):
            settings = DeviceSettings(
                method=case["method"],
                pairs=case["pairs"],
                length=case["length"],
                checkpointing=case["checkpointing"],
                precompute=case["precompute"],
                rank=case["rank"],
                accumulated=moment == "accumulated",
                shared_prefixes=case["prompt"] > 0,
            )
            predicted = estimate_memory(shape, settings).tensors_gib
            found.append(Row(f"{key} {moment}", predicted, case["peakGiB"][moment]))
    return found


def main() -> None:
    measured = json.loads(MEASURED.read_text())
    found = rows(measured)
    print(f"{measured['how']}; {', '.join(f'{k} {v}' for k, v in measured['versions'].items())}")
    print(f"{'case':58} {'measured':>9} {'predicted':>9}   error")
    for row in found:
        print(f"{row.name:58} {row.measured:9.2f} {row.predicted:9.2f} {row.error:+7.1%}")
    lowest = min(row.error for row in found)
    median = statistics.median(abs(row.error) for row in found)
    print(
        f"{len(measured['cases'])} cases, {len(found)} peaks; lowest error {lowest:+.1%} "
        f"(limit -{BELOW:.0%}), median distance {median:.1%} (limit {MEDIAN:.0%}), "
        f"highest {max(row.error for row in found):+.1%}"
    )
    sys.exit(lowest < -BELOW or median > MEDIAN)


if __name__ == "__main__":
    main()
