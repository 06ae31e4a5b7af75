"""The peak resident set of an inspection, in a process of its own for each number of rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.pages import table

from .models import CHATML, make_model
from .pairs import write_short

MEASURED = """
import json, resource, sys
from pathlib import Path
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect, leave_out_pandas
leave_out_pandas()
spec = DPOJobSpec.model_validate(json.loads(sys.argv[1]))
report = inspect(spec, {"bench": Path(sys.argv[2])})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": report.rows, "valid": report.valid, "bytes": peak * 1024}))
"""
FEWEST = 200_000
"""Rows after which buffers, and the sample that suspects are found in, have their full size."""
WANTED_ROWS = 5_000_000
MEBIBYTE = 1 << 20


def measure_memory(directory: Path, rows: int) -> list[str]:
    """A table with the growth by row, and with what it makes of five million rows."""
    make_model(directory / "characters", None)
    make_model(directory / "tokens", CHATML)
    fewer = max(rows // 5, FEWEST)
    if rows <= fewer:
        raise SystemExit(f"--memory-rows must be more than {FEWEST}")
    lines = []
    for model in ("characters", "tokens"):
        first, last = (_peak(directory, model, count) for count in (fewer, rows))
        growth = max(0.0, (last - first) / (rows - fewer))
        expected = last + growth * max(0, WANTED_ROWS - rows)
        peaks = [f"{peak / MEBIBYTE:,.0f}" for peak in (first, last)]
        lines.append([model, *peaks, f"{growth:.1f}", f"{expected / MEBIBYTE:,.0f}"])
    header = [
        "lengths in", f"MiB at {fewer:,} rows", f"MiB at {rows:,} rows", "bytes more by row",
        f"MiB expected at {WANTED_ROWS:,} rows",
    ]  # fmt: skip
    return [
        "Parquet rows of about 100 bytes, all different, so that what grows with rows shows and not what grows with text.",
        "",
        *table(header, lines),
    ]


def _peak(directory: Path, model: str, rows: int) -> int:
    """The largest resident set, in bytes."""
    path = write_short(directory / f"memory-{rows}.parquet", rows)
    spec = {
        "model": {"volume": {"claimName": "bench", "path": model}},
        "dataset": {"volume": {"claimName": "bench", "path": path.name}},
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, json.dumps(spec), str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    assert result["rows"] == rows and result["valid"]
    return int(result["bytes"])
