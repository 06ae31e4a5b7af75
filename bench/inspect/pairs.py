"""Pairs of about 1 kB in several layouts, and the files that hold them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = [
    "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=2 + seed % 8))
    for seed in range(4000)
]


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


def in_parts(dice: random.Random) -> dict[str, Any]:
    """A conversation whose contents are lists of one part."""
    return {
        side: [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in turns]
        for side, turns in row(dice, True).items()
    }


def instructed(dice: random.Random) -> dict[str, Any]:
    pair = row(dice, False)
    return {"system": words(dice, 8), "question": pair.pop("prompt"), **pair}


def transcript(dice: random.Random) -> dict[str, Any]:
    pair = row(dice, False)
    opening = f"\n\nHuman: {pair['prompt']}\n\nAssistant: "
    return {side: opening + pair[side] for side in ("chosen", "rejected")}


def compared(dice: random.Random) -> dict[str, Any]:
    pair = row(dice, False)
    asked = [{"role": "user", "content": pair["prompt"]}]
    answers = {"response1": pair["chosen"], "response2": pair["rejected"]}
    return {"context": asked, **answers, "overall_preference": dice.choice([-2, -1, 1, 3])}
