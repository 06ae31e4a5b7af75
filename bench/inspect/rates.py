"""How fast inspection is, and how much memory it needs, beside what it stands on.

    python bench/inspect/rates.py [--rows 200000] [--rounds 5] [--only structure,tokens,memory]
    python bench/inspect/rates.py --only memory --memory-rows 5000000

- structure: every check but tokens, against pyarrow reading the same columns of the same file.
- tokens: inspection with the model's tokenizer and template, against `Tokenizer.encode_batch` of the
  same texts (prompt, prompt + chosen, prompt + rejected, rendered beforehand).
- memory: the peak resident set of an inspection in a process of its own.

Rates are rows per second. Each round runs both sides one after the other and the best of the rounds
counts, so that other work on the machine weighs the same on both.
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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=2 + seed % 8))
    for seed in range(4000)
]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def words(dice: random.Random, count: int) -> str:
    return " ".join(dice.choices(WORDS, k=count))


def row(dice: random.Random, conversational: bool) -> dict[str, Any]:
    """A pair of about 1 kB: a prompt of 30 words, answers of 70."""
    prompt, chosen, rejected = words(dice, 30), words(dice, 70), words(dice, 70)
    if not conversational:
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    asked = {"role": "user", "content": prompt}
    return {
        "chosen": [asked, {"role": "assistant", "content": chosen}],
        "rejected": [asked, {"role": "assistant", "content": rejected}],
    }


def write(path: Path, rows: int, conversational: bool) -> Path:
    dice = random.Random(rows)
    writer: pq.ParquetWriter | None = None
    with path.open("w") as lines:
        for start in range(0, rows, 10_000):
            part = [row(dice, conversational) for _ in range(min(10_000, rows - start))]
            if path.suffix == ".jsonl":
                lines.writelines(json.dumps(entry) + "\n" for entry in part)
                continue
            table = pa.Table.from_pylist(part)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    if writer is not None:
        writer.close()
    return path


def write_short(path: Path, rows: int) -> Path:
    """Rows of about 100 bytes, all different: what grows with rows shows, not what grows with text."""
    schema = pa.schema([(name, pa.string()) for name in ("prompt", "chosen", "rejected")])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 50_000):
            numbers = range(start, min(start + 50_000, rows))
            columns = [
                [f"{name} of the row with number {i}" for i in numbers] for name in schema.names
            ]
            writer.write_table(pa.table(columns, schema=schema))
    return path


def model(directory: Path, tokenizer: bool) -> Path:
    """A model as far as inspection looks, with a byte-level BPE tokenizer of 8,000 entries."""
    sys.path.insert(0, str(ROOT))
    from tests.trainer.inspection.support_inspection import make_bare_model

    make_bare_model(directory, model_type="granite")
    if tokenizer:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.train_from_iterator(
            (words(random.Random(seed), 200) for seed in range(200)),
            trainers.BpeTrainer(
                vocab_size=8000,
                special_tokens=["<|im_start|>", "<|im_end|>"],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
        raw.save(str(directory / "tokenizer.json"))
        config = {"eos_token": "<|im_end|>", "chat_template": TEMPLATE}
        (directory / "tokenizer_config.json").write_text(json.dumps(config))
    return directory


def read_with_pyarrow(path: Path) -> int:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            return sum(batch.num_rows for batch in file.iter_batches())
    with pa_json.open_json(path) as reader:
        return sum(batch.num_rows for batch in reader)


def check(path: Path, layout_columns: list[str]) -> int:
    """The structural verdict on every row, and no more."""
    from dpojob_trainer.inspection.judging import Judge
    from dpojob_trainer.inspection.layout import Layout
    from dpojob_trainer.inspection.prefetch import prefetched
    from dpojob_trainer.inspection.source import DataFile, Source
    from dpojob_trainer.inspection.stream import pieces

    source = Source("bench", [DataFile(path.name, lambda: path, path.stat().st_size)])
    judge = Judge(Layout({name: name for name in layout_columns}), chat=True)
    rows = 0
    for piece in prefetched(pieces(source, layout_columns)):
        screened, _, pairs, faults = judge.check(piece)
        rows += len(pairs) + (0 if screened is None else len(screened.rows))
        assert not faults
    return rows


def survey(path: Path, layout_columns: list[str]) -> int:
    """The same, with repeats, evaluation split and lengths in characters."""
    from dpojob_trainer.inspection.judging import Judge
    from dpojob_trainer.inspection.layout import Layout
    from dpojob_trainer.inspection.quality.repeats import Fingerprints
    from dpojob_trainer.inspection.scan import scan
    from dpojob_trainer.inspection.source import DataFile, Source
    from dpojob_trainer.inspection.tokens.lengths import LengthFigures

    source = Source("bench", [DataFile(path.name, lambda: path, path.stat().st_size)])
    judge = Judge(Layout({name: name for name in layout_columns}), chat=True)
    with Fingerprints(path.parent) as prints:
        found = scan(
            judge,
            source,
            prints,
            LengthFigures(1024, "characters"),
            lambda _: None,
            lambda *_: None,
        )
        prints.repeats()
    assert found.valid == found.rows
    return found.rows


def best(sides: list[Callable[[], int]], rounds: int) -> list[float]:
    """The best rate of each side, rows per second."""
    rates = [0.0] * len(sides)
    for _ in range(rounds):
        for index, side in enumerate(sides):
            start = time.perf_counter()
            rows = side()
            rates[index] = max(rates[index], rows / (time.perf_counter() - start))
    return rates


def structure(directory: Path, rows: int, rounds: int) -> None:
    print(f"\nstructure, {rows:,} rows of about 1 kB; ratios to pyarrow (wanted for checks: 0.50)")
    print(
        f"  {'':24} {'pyarrow/s':>10} {'checks/s':>10} {'ratio':>6} {'+repeats/s':>10} {'ratio':>6}"
    )
    for suffix in ("parquet", "jsonl"):
        for conversational in (False, True):
            name = "conversational" if conversational else "standard"
            path = write(directory / f"{name}.{suffix}", rows, conversational)
            columns = ["chosen", "rejected"] if conversational else ["prompt", "chosen", "rejected"]
            read, checked, surveyed = best(
                [
                    partial(read_with_pyarrow, path),
                    partial(check, path, columns),
                    partial(survey, path, columns),
                ],
                rounds,
            )
            print(
                f"  {suffix:8}{name:16} {read:10,.0f} {checked:10,.0f} {checked / read:6.2f} "
                f"{surveyed:10,.0f} {surveyed / read:6.2f}"
            )


def tokens(directory: Path, rows: int, rounds: int) -> None:
    from dpojob_api.spec import DPOJobSpec
    from dpojob_trainer.inspection import inspect
    from dpojob_trainer.inspection.subject import Subject

    model(directory / "model", tokenizer=True)
    print(
        f"\ntokens, {rows:,} rows of about 1 kB       encode_batch/s  inspect/s  ratio  (wanted 0.80)"
    )
    for conversational in (False, True):
        name = "conversational" if conversational else "standard"
        path = write(directory / "pairs" / f"{name}.parquet", rows, conversational)
        spec = DPOJobSpec.model_validate(
            {
                "model": {"volume": {"claimName": "bench", "path": "model"}},
                "dataset": {"volume": {"claimName": "bench", "path": f"pairs/{path.name}"}},
            }
        )
        volumes = {"bench": directory}
        subject = Subject.open(spec.model, volumes, None)
        counter, tokenizer = subject.counter(), subject.tokenizer
        assert counter is not None and tokenizer is not None
        from dpojob_trainer.inspection import accepted_rows
        from dpojob_trainer.inspection.pair import Pair

        report = inspect(spec, volumes)
        assert report.valid and report.lengths is not None and report.lengths.unit == "tokens"
        report.eval_rows = 0
        texts: list[str] = []
        for entry in accepted_rows(spec, report, volumes):
            texts += counter._rendered(Pair(**entry, format="conversational"))

        def raw(texts: list[str] = texts, tokenizer: Any = tokenizer) -> int:
            for start in range(0, len(texts), 3072):
                tokenizer.encode_batch(texts[start : start + 3072], add_special_tokens=False)
            return len(texts) // 3

        def ours(spec: DPOJobSpec = spec) -> int:
            return inspect(spec, {"bench": directory}).rows

        encoded, inspected = best([raw, ours], rounds)
        print(
            f"  parquet  {name:28} {encoded:14,.0f} {inspected:10,.0f} {inspected / encoded:6.2f}"
        )


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
    model(directory / "bare", tokenizer=False)
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
        told = json.loads(done.stdout)
        assert told["rows"] == count and told["valid"]
        print(f"  parquet  standard          {count:16,} {told['MiB']:10,.0f}")
        path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--token-rows", type=int, default=10_000)
    parser.add_argument("--memory-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="structure,tokens,memory")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, pyarrow {pa.__version__}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="bench-inspect-") as name:
        directory = Path(name)
        (directory / "pairs").mkdir()
        os.environ["DPOJOB_SCRATCH"] = name
        chosen = options.only.split(",")
        if "structure" in chosen:
            structure(directory, options.rows, options.rounds)
        if "tokens" in chosen:
            tokens(directory, options.token_rows, options.rounds)
        if "memory" in chosen:
            memory(directory, options.memory_rows)


if __name__ == "__main__":
    main()
