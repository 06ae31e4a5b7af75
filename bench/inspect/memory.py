"""The peak resident set of an inspection while it reads rows, in a process of its own for each unit of lengths."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.pages import table

from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE

from .models import make_model
from .pairs import write_short

PARTS = 5
"""The number of equal parts of the rows after each of which the peak is taken; at the end instead of after the last one."""
# getrusage's ru_maxrss begins with the resident set of the process that started this one; VmHWM does not.
MEASURED = """
import json, sys
from pathlib import Path
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect, leave_out_pandas
leave_out_pandas()
spec = DPOJobSpec.model_validate(json.loads(sys.argv[1]))
ends, peaks = json.loads(sys.argv[3]), []
def peak():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024
def progress(rows, _):
    while len(peaks) < len(ends) - 1 and rows >= ends[len(peaks)]:
        peaks.append(peak())
report = inspect(spec, {"bench": Path(sys.argv[2])}, progress=progress)
print(json.dumps({"rows": report.rows, "valid": report.valid, "peaks": [*peaks, peak()]}))
"""
MEBIBYTE = 1 << 20


def measure_memory(directory: Path, rows: int) -> list[str]:
    """A table of the peaks.

    Args:
        directory: Where models and rows are written.
        rows: The rows of the dataset; at least one batch for each part.

    Returns:
        The lines of the table.
    """
    make_model(directory / "characters", None)
    make_model(directory / "tokens", FALLBACK_CHAT_TEMPLATE)
    ends = [rows * part // PARTS for part in range(1, PARTS + 1)]
    lines = []
    for model in ("characters", "tokens"):
        peaks = _peaks(directory, model, ends)
        lines.append([model, *(f"{peak / MEBIBYTE:,.0f}" for peak in peaks)])
    read = [f"{end:,} rows" for end in ends[:-1]]
    header = ["MiB, lengths in", *read, f"the whole inspection of {rows:,}"]
    return [
        "Parquet rows of about 100 bytes, all different, so that what grows with rows shows and not what grows with text.",
        "Hashes of rows take 34 bytes each until they are written to scratch at 1,048,576 rows, and fastokens remembers words",
        "up to a limit of its own.",
        "",
        *table(header, lines),
    ]


def _peaks(directory: Path, model: str, ends: list[int]) -> list[int]:
    """The largest resident set so far by the number of rows, in bytes; the last one after the whole inspection."""
    path = write_short(directory / f"memory-{ends[-1]}.parquet", ends[-1])
    spec = {
        "model": {"volume": {"claimName": "bench", "path": model}},
        "dataset": {"volume": {"claimName": "bench", "path": path.name}},
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, json.dumps(spec), str(directory), json.dumps(ends)],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    assert result["rows"] == ends[-1] and result["valid"]
    peaks: list[int] = result["peaks"]
    assert len(peaks) == len(ends)
    return peaks
