"""How fast inspection counts tokens, beside TRL's own preparation of the same rows and the raw tokenizer.

    python bench/inspect/tokens.py [--rows 20000] [--slow-rows 2000] [--rounds 3]

- inspect: `dpojob inspect` from the file to the report.
- TRL: `DPOTrainer._prepare_dataset` over the first rows, already converted to message lists and in memory.
- tokenizers: `encode_batch_fast` of the three texts of each of the first rows, rendered beforehand.

The rows are transcripts as of hh-rlhf, all different, or one in twenty different and repeated. Each round
runs the sides one after the other, with tokenizers loaded anew, since their caches would remember the rows;
the best of the rounds counts. `cpu` is rows per processor second, which other work on the machine changes
less than `rows/s`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.inspect.models import CHATML, make_model  # noqa: E402
from bench.inspect.pairs import words  # noqa: E402
from bench.inspect.rounds import best  # noqa: E402

REPEATS = 20


def conversation(numbers: random.Random) -> dict[str, list[dict[str, str]]]:
    """A pair of about 1.4 kB with one to four turns of the user."""
    prompt = []
    for _ in range(numbers.choice([1, 1, 2, 2, 3, 4])):
        prompt += [
            {"role": "user", "content": words(numbers, 15)},
            {"role": "assistant", "content": words(numbers, 40)},
        ]
    answers = ([{"role": "assistant", "content": words(numbers, 40)}] for _ in range(2))
    return dict(zip(("prompt", "chosen", "rejected"), (prompt[:-1], *answers), strict=True))


def transcript(row: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """The same as hh-rlhf writes it."""
    names = {"user": "Human", "assistant": "Assistant"}
    return {
        side: "".join(
            f"\n\n{names[turn['role']]}: {turn['content']}" for turn in row["prompt"] + row[side]
        )
        for side in ("chosen", "rejected")
    }


def inspect_rows(directory: Path, data: str) -> int:
    from dpojob_api.spec import DPOJobSpec
    from dpojob_trainer.inspection import inspect

    spec = DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "bench", "path": "model"}},
            "dataset": {"volume": {"claimName": "bench", "path": data}, "preset": "hh-rlhf"},
        }
    )
    report = inspect(spec, {"bench": directory})
    assert report.valid and report.lengths is not None and report.lengths.unit == "tokens"
    return report.rows


def prepare_by_trl(directory: Path, dataset: Any) -> int:
    from transformers import AutoTokenizer
    from trl import DPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(directory / "model")
    trainer = SimpleNamespace(_tokenizer=tokenizer)
    settings = SimpleNamespace(
        dataset_num_proc=None, max_length=1024, truncation_mode="keep_start"
    )  # What `_prepare_dataset` reads of DPOConfig, by its defaults.
    prepared = DPOTrainer._prepare_dataset(trainer, dataset, tokenizer, settings, "train")
    return len(prepared)


def encode(directory: Path, texts: list[str]) -> int:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(directory / "model" / "tokenizer.json"))
    for start in range(0, len(texts), 1536):
        tokenizer.encode_batch_fast(texts[start : start + 1536], add_special_tokens=False)
    return len(texts) // 3


def rendered(directory: Path, rows: list[dict[str, list[dict[str, str]]]]) -> list[str]:
    from transformers import AutoTokenizer

    render = AutoTokenizer.from_pretrained(directory / "model").apply_chat_template
    return [
        text
        for row in rows
        for text in (
            render(row["prompt"], tokenize=False, add_generation_prompt=True),
            render(row["prompt"] + row["chosen"], tokenize=False),
            render(row["prompt"] + row["rejected"], tokenize=False),
        )
    ]


def compare(directory: Path, name: str, count: int, slow: int, rounds: int) -> None:
    """Prints a line for each kind of rows."""
    from datasets import Dataset

    for distinct in (True, False):
        numbers = random.Random(count)
        rows = [conversation(numbers) for _ in range(count if distinct else count // REPEATS)]
        path = directory / "pairs.jsonl"
        lines = [json.dumps(transcript(row)) + "\n" for row in rows]
        path.write_text("".join(lines * (1 if distinct else REPEATS)))
        first = (rows * REPEATS)[:slow]
        sides = [
            partial(inspect_rows, directory, path.name),
            partial(prepare_by_trl, directory, Dataset.from_list(first)),
            partial(encode, directory, rendered(directory, first)),
        ]
        ours, trl, raw = best(sides, rounds)
        print(
            f"  {name:9} {'distinct' if distinct else 'repeated':9}"
            + "".join(f" {side.rate:9,.0f} {side.cpu:8,.0f}" for side in (ours, trl, raw))
            + f" {ours.cpu / trl.cpu:7.1f} {ours.cpu / raw.cpu:6.1f}",
            flush=True,
        )


def start(directory: Path) -> None:
    """Prints how long `dpojob inspect` of a few rows takes."""
    numbers = random.Random(1)
    rows = [json.dumps(transcript(conversation(numbers))) + "\n" for _ in range(20)]
    (directory / "few.jsonl").write_text("".join(rows))
    manifest = {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {"name": "bench"},
        "spec": {
            "model": {"volume": {"claimName": "bench", "path": "model"}},
            "dataset": {"volume": {"claimName": "bench", "path": "few.jsonl"}},
            "output": {"volume": {"claimName": "bench", "path": "output"}},
        },
    }
    (directory / "job.json").write_text(json.dumps(manifest))
    command = [
        sys.executable, "-c", "import sys; from dpojob.main import main; sys.exit(main())",
        "inspect", "-f", str(directory / "job.json"), "--volume", f"bench={directory}", "--json",
    ]  # fmt: skip
    seconds, processor = [], []
    for _ in range(3):
        before, spent = time.perf_counter(), os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - before)
        after = os.times()
        used = after.children_user + after.children_system
        processor.append(used - spent.children_user - spent.children_system)
    print(
        f"\n20 rows, from start to end: {min(seconds):.2f} s, {min(processor):.2f} s of processor time"
    )


def tokens(rows: int, slow: int, rounds: int) -> None:
    """Prints all lines."""
    import datasets
    import trl

    datasets.disable_progress_bars()
    datasets.disable_caching()
    templates = Path(trl.__file__).parent / "chat_templates"
    kinds = {"ChatML": CHATML, "Qwen3": (templates / "qwen3.jinja").read_text()}
    print(
        f"\ntokens, {rows:,} transcripts of about 1.4 kB ({slow:,} of them for TRL and the tokenizer)\n"
        f"  {'':19} {'inspect/s':>9} {'cpu':>8} {'TRL/s':>9} {'cpu':>8} {'encode/s':>9} {'cpu':>8}"
        f" {'to TRL':>7} {'to raw':>6}"
    )
    with tempfile.TemporaryDirectory(prefix="bench-tokens-") as name:
        directory = Path(name)
        os.environ["DPOJOB_SCRATCH"] = name
        for kind, template in kinds.items():
            make_model(directory / "model", template)
            compare(directory, kind, rows, min(slow, rows), rounds)
        start(directory)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--slow-rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    tokens(options.rows, options.slow_rows, options.rounds)


if __name__ == "__main__":
    main()
