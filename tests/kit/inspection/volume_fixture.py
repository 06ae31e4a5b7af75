"""Tiny datasets and models for the inspection tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dpojob_api.report import InspectionReport, Problem
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "vocab_size": 100,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}


def write_safetensors(path: Path, shapes: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Writes a file with a valid header; the weights are a hole in the file."""
    width = {"F32": 4, "BF16": 2, "F16": 2, "U8": 1, "I32": 4, "I8": 1}
    header, at = {}, 0
    for name, (dtype, shape) in shapes.items():
        size = width[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


def make_bare_model(directory: Path, **config: Any) -> Path:
    """A model as far as inspection looks: config and headers, no tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps({**CONFIG, **config}))
    write_safetensors(
        directory / "model.safetensors",
        {
            "model.embed_tokens.weight": ("F32", (100, 16)),
            "model.layers.0.mlp.up_proj.weight": ("F32", (32, 16)),
            "model.norm.weight": ("F32", (16,)),
        },
    )
    return directory


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Writes the rows as JSON lines; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def spec_of(dataset: Mapping[str, Any] | None = None, **spec: Any) -> DPOJobSpec:
    """A job on the volume `data`: model in model/, pairs in pairs/."""
    return DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "data", "path": "model"}},
            "dataset": {"volume": {"claimName": "data", "path": "pairs"}, **(dataset or {})},
            **spec,
        }
    )


class InspectionVolume:
    """A volume with a model at model/, and with pairs at pairs/ once a test writes them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.volumes = {"data": root}
        make_bare_model(root / "model")

    def rows(
        self, rows: Iterable[Mapping[str, Any]], name: str = "train.jsonl"
    ) -> InspectionVolume:
        """Writes the rows to a file in pairs/; returns the volume."""
        write_rows(self.root / "pairs" / name, rows)
        return self

    def inspect(self, dataset: Mapping[str, Any] | None = None, **spec: Any) -> InspectionReport:
        """Inspects the pairs with the model."""
        return inspect(spec_of(dataset, **spec), self.volumes)


def codes(report: InspectionReport) -> dict[str, int]:
    """Rows by code, of the problems that are errors."""
    return {str(problem.code): problem.rows for problem in report.errors}


def warnings_by_code(report: InspectionReport) -> dict[str, Problem]:
    """The problems that are warnings, by their codes."""
    return {str(problem.code): problem for problem in report.warnings}
