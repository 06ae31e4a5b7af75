"""A small model and dataset on two claims' directories, and a runner for the real command."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import yaml
from safetensors.numpy import save_file
from tests.kit.inspection.volume_fixture import write_rows
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from dpojob.main import main

COMMAND = Path(sys.executable).parent / "dpojob"
CONFIG = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 8,
    "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": 16, "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}  # fmt: skip
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


@dataclass(frozen=True)
class Result:
    """Exit status and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value, and nothing else."""
        return json.loads(self.out)


def run(
    *arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> Result:
    """Runs the real command."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def run_inside(
    *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> Result:
    """Runs the command in this process, which spares the import of its libraries."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        for name, value in {"COLUMNS": "100", **(env or {})}.items():
            patch.setenv(name, value)
        patch.setattr("sys.argv", ["dpojob"])
        patch.setattr("sys.stdin", io.StringIO(stdin or ""))
        code = main(list(map(str, arguments)))
    return Result(code, out.getvalue(), err.getvalue())


def job(model: Mapping[str, Any], dataset: Mapping[str, Any], **spec: Any) -> str:
    """A DPOJob as YAML."""
    return yaml.safe_dump(
        {
            "apiVersion": "dpojob.dev/v1alpha1",
            "kind": "DPOJob",
            "metadata": {"name": "tried"},
            "spec": {"model": dict(model), "dataset": dict(dataset), **spec},
        }
    )


def pairs(count: int) -> list[dict[str, Any]]:
    """Rows with nothing wrong."""
    rows = range(count)
    return [{"prompt": f"p{n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in rows]


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's directory: config, weights, tokenizer, chat template."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "config.json").write_text(json.dumps(CONFIG))
    weights = {"model.embed_tokens.weight": numpy.zeros((16, 8), numpy.float32)}
    weights["model.layers.0.mlp.up_proj.weight"] = numpy.zeros((16, 8), numpy.float32)
    save_file(weights, str(directory / "model.safetensors"))
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "yes": 1, "no": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    return directory


@dataclass(frozen=True)
class ClaimDirectory:
    """A directory that stands in for the claim "data", with the model at model/."""

    directory: Path
    option: str
    model: Mapping[str, Any]
    dataset: Mapping[str, Any]

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The rows of the dataset."""
        write_rows(self.directory / "train.jsonl", rows)


@pytest.fixture
def claim(tmp_path: Path, model_files: Path) -> ClaimDirectory:
    """With twenty good pairs."""
    directory = tmp_path / "claim"
    shutil.copytree(model_files, directory / "model")
    volume = {"claimName": "data"}
    made = ClaimDirectory(
        directory,
        f"data={directory}",
        {"volume": volume | {"path": "model"}},
        {"volume": volume | {"path": "train.jsonl"}},
    )
    made.write(pairs(20))
    return made


WriteManifest = Callable[[str], Path]


@pytest.fixture
def manifest(tmp_path: Path) -> WriteManifest:
    """Writes a manifest to a file."""

    def write(text: str) -> Path:
        path = tmp_path / "job.yaml"
        path.write_text(text)
        return path

    return write
