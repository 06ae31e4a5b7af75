"""How fast inspection is, and how much memory it needs, compared with pyarrow and tokenizers.

    python bench/inspect/rates.py [--rows 200000] [--rounds 5] [--only structure,presets,tokens,memory]
    python bench/inspect/rates.py --only memory --memory-rows 5000000

- structure: every check but tokens, against pyarrow reading the same columns of the same file.
- presets: the same for Parquet files of known layouts, whose rates lie between, and for text parts.
- tokens: inspection with the model's tokenizer and template, as `tokens.py` prints it.
- memory: the peak resident set of an inspection in a separate process.

Rates are rows per second. Each round runs the sides one after the other and the best of the rounds
counts, so that other work on the machine weighs the same on all. `cpu` is the ratio of processor
seconds, which other work changes little.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json as pa_json
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from dpojob_trainer.inspection.layouts import ColumnLayout
    from dpojob_trainer.inspection.validation import ValidatedRows

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.inspect.models import make_model  # noqa: E402
from bench.inspect.pairs import (  # noqa: E402
    compared,
    in_parts,
    instructed,
    transcript,
    write,
    write_short,
)
from bench.inspect.rounds import best  # noqa: E402
from bench.inspect.tokens import tokens  # noqa: E402


def read_with_pyarrow(path: Path) -> int:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            return sum(batch.num_rows for batch in file.iter_batches())
    with pa_json.open_json(path) as reader:
        return sum(batch.num_rows for batch in reader)


def native(conversational: bool) -> ColumnLayout:
    from dpojob_trainer.inspection.layouts import ColumnLayout

    names = ["chosen", "rejected"] if conversational else ["prompt", "chosen", "rejected"]
    return ColumnLayout({name: name for name in names})


def validate(path: Path, layout: ColumnLayout) -> int:
    """Validate the structure of every row, and no more."""
    return sum(rows.valid_count for rows in validated(path, layout))


def validate_and_count(path: Path, layout: ColumnLayout) -> int:
    """The same, with duplicates, evaluation split and lengths in characters."""
    from dpojob_trainer.inspection.statistics import (
        DuplicateFinder,
        LengthStatistics,
        SplitStatistics,
    )

    with DuplicateFinder(path.parent) as finder:
        statistics = SplitStatistics(LengthStatistics(1024, "characters"), finder)
        for rows in validated(path, layout):
            statistics.add(rows.valid_count, rows.accepted(), [])
        finder.statistics()
    return statistics.valid


def validated(path: Path, layout: ColumnLayout) -> Iterator[ValidatedRows]:
    from dpojob_trainer.inspection.readers import prefetched, read_source
    from dpojob_trainer.inspection.sources import DataFile, Source
    from dpojob_trainer.inspection.validation import RowValidator

    source = Source("bench", [DataFile(path.name, lambda: path, path.stat().st_size)])
    validator = RowValidator(layout, as_conversations=True)
    for batch in prefetched(read_source(source, layout.used)):
        rows = validator.validate(batch.rows, batch.start, batch.file.name)
        assert not rows.errors
        yield rows


def print_header(title: str, rows: int) -> None:
    print(f"\n{title}, {rows:,} rows of about 1 kB; ratios to pyarrow (wanted for checks: 0.50)")
    print(
        f"  {'':24} {'pyarrow/s':>10} {'checks/s':>10} {'ratio':>6} {'cpu':>5} "
        f"{'+repeats/s':>10} {'ratio':>6}"
    )


def print_rates(name: str, path: Path, layout: ColumnLayout, rounds: int) -> None:
    sides = [partial(read_with_pyarrow, path), partial(validate, path, layout)]
    read, checked, counted = best([*sides, partial(validate_and_count, path, layout)], rounds)
    print(
        f"  {name:24} {read.rate:10,.0f} {checked.rate:10,.0f} {checked.rate / read.rate:6.2f} "
        f"{checked.cpu / read.cpu:5.2f} {counted.rate:10,.0f} {counted.rate / read.rate:6.2f}"
    )


def structure(directory: Path, rows: int, rounds: int) -> None:
    print_header("structure", rows)
    for suffix in ("parquet", "jsonl"):
        for conversational in (False, True):
            name = "conversational" if conversational else "standard"
            path = write(directory / f"{name}.{suffix}", rows, conversational)
            print_rates(f"{suffix:8}{name}", path, native(conversational), rounds)


def presets(directory: Path, rows: int, rounds: int) -> None:
    from dpojob_trainer.inspection.layouts import ColumnLayout, preset_by_name

    print_header("presets", rows)
    for name, make in (
        ("orca", instructed), ("text parts", in_parts), ("helpsteer3", compared),
        ("hh-rlhf", transcript),
    ):  # fmt: skip
        random_numbers = random.Random(rows)
        path = directory / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist([make(random_numbers) for _ in range(rows)]), path)
        preset = preset_by_name(name)
        layout = native(True) if preset is None else ColumnLayout(preset.columns, preset=preset)
        print_rates(f"parquet {name}", path, layout, rounds)


MEASURED = """
import json, resource, sys
from pathlib import Path
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect
spec = DPOJobSpec.model_validate(json.loads(sys.argv[1]))
report = inspect(spec, {"bench": Path(sys.argv[2])})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": report.rows, "valid": report.valid, "MiB": peak / 1024}))
"""


def memory(directory: Path, rows: int) -> None:
    """Peak memory at a fifth of the rows and at all of them: the difference is the growth."""
    make_model(directory / "bare", None)
    print(
        "\nmemory                                  rows   peak MiB  (wanted under 1,024 at 5,000,000)"
    )
    for count in (rows // 5, rows):
        path = write_short(directory / "pairs" / f"memory-{count}.parquet", count)
        spec = {
            "model": {"volume": {"claimName": "bench", "path": "bare"}},
            "dataset": {"volume": {"claimName": "bench", "path": f"pairs/{path.name}"}},
        }
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, json.dumps(spec), str(directory)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "DPOJOB_SCRATCH": str(directory)},
        )
        result = json.loads(done.stdout)
        assert result["rows"] == count and result["valid"]
        print(f"  parquet  standard          {count:16,} {result['MiB']:10,.0f}")
        path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--token-rows", type=int, default=20_000)
    parser.add_argument("--memory-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="structure,presets,tokens,memory")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, pyarrow {pa.__version__}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="bench-inspect-") as name:
        directory = Path(name)
        (directory / "pairs").mkdir()
        os.environ["DPOJOB_SCRATCH"] = name
        chosen = options.only.split(",")
        if "structure" in chosen:
            structure(directory, options.rows, options.rounds)
        if "presets" in chosen:
            presets(directory, options.rows, options.rounds)
        if "tokens" in chosen:
            tokens(options.token_rows, min(2000, options.token_rows), options.rounds)
        if "memory" in chosen:
            memory(directory, options.memory_rows)


if __name__ == "__main__":
    main()
