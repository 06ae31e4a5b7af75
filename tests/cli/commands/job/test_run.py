"""A job from options: its manifest, what is refused, and where there is no cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.kit.cli.command_runner import run_inside

from dpojob.commands.job.sources import parse_source
from dpojob.commands.local import train as command
from dpojob.commands.local.request import JobRequest
from dpojob.output_format import DocumentFormat

DATASET = ("--dataset", "my-org/pairs")
MODEL = ("--model", "Qwen/Qwen2.5-1.5B")


def test_options_become_the_manifest_that_a_user_would_write() -> None:
    result = run_inside(
        "run", *DATASET, *MODEL, "--pool", "a10g-small", "--epochs", "2", "--lr", "5e-6", "--map", "prompt=question",
        "--max-cost", "20", "--output", "models/helpful", "--dry-run", "-o", "yaml",
    )  # fmt: skip
    assert result.code == 0, result.err
    found = yaml.safe_load(result.out)
    assert found["metadata"] == {"name": "qwen2-5-1-5b-dpo"}
    assert found["spec"] == {
        "model": {"repo": "Qwen/Qwen2.5-1.5B"},
        "dataset": {"repo": "my-org/pairs", "columnMapping": {"prompt": "question"}},
        "training": {"epochs": 2.0, "learningRate": 5e-6},
        "hardware": {"pool": "a10g-small"},
        "budget": {"maxCost": "20"},
        "output": {"volume": {"claimName": "models", "path": "helpful"}},
    }
    as_json = run_inside("run", *DATASET, "--from-job", "my-sft", "--dry-run", "-o", "json").json
    assert as_json["spec"]["model"] == {"fromJob": {"name": "my-sft"}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DATASET, "one of --model and --from-job"),
        ((*DATASET, *MODEL, "--from-job", "a"), "one of --model and --from-job"),
        ((*DATASET, *MODEL, "--map", "question=prompt"), "the role comes first: prompt=question"),
        (
            (*DATASET, *MODEL, "--max-cost", "$20"),
            "write an amount in quotes and without a currency",
        ),
        (
            (*DATASET, *MODEL, "--epochs", "0"),
            "spec.training.epochs is 0.0; it must be greater than 0",
        ),
        (("--dataset", "a b c", *MODEL), "write a repository like org/name"),
        ((*MODEL, "--dataset", "pvc://"), "write it as pvc://CLAIM/PATH"),
        ((*MODEL, "--dataset", "pvc:///train.jsonl"), "write it as pvc://CLAIM/PATH"),
        ((*DATASET, "--model", "https://x"), "a model is a repository"),
        (("--dataset", "./no-such.jsonl", *MODEL), "no such file or directory"),
        (("--dataset", str(Path(__file__)), *MODEL), "the cluster cannot read"),
        (("--dataset", "no-such.jsonl", *MODEL), "no such file or directory"),
        ((*DATASET, *MODEL, "-n", "Team_A"), 'metadata.namespace is "Team_A"'),
        ((*DATASET, *MODEL, "--max-duration", "6"), "write a duration like 90s"),
        ((*DATASET, *MODEL, "--epochs", "three"), "three is not a number: write 3"),
        ((*DATASET, *MODEL, "--max-length", "1k"), "1k is not a whole number: write 1024"),
        ((*DATASET, *MODEL, "--batch-size", "1,024"), "1,024 is not a whole number: write 1024"),
        ((*DATASET, *MODEL, "--gpus", "all"), "all is not a whole number"),
        ((*DATASET, *MODEL, "--here"), "--here trains on this machine: leave out --dry-run"),
    ],
)
def test_what_cannot_be_a_job_is_explained(options: tuple[str, ...], message: str) -> None:
    result = run_inside("run", *options, "--dry-run")
    assert (result.code, message in result.err) == (2, True), result.err


def test_the_printed_manifest_has_the_namespace_that_was_given() -> None:
    result = run_inside("run", *DATASET, *MODEL, "-n", "team-a", "--dry-run")
    metadata = yaml.safe_load(result.out)["metadata"]
    assert metadata == {"name": "qwen2-5-1-5b-dpo", "namespace": "team-a"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--watch",), "--watch"),
        (("-n", "team-a"), "--namespace"),
        (("--context", "c"), "--context"),
        (("-o", "name"), "-o name"),
        (("--watch", "--dry-run"), "--dry-run, --watch"),
    ],
)
def test_training_here_refuses_what_it_would_ignore(options: tuple[str, ...], named: str) -> None:
    result = run_inside("run", *DATASET, *MODEL, "--here", *options)
    assert result.code == 2
    assert result.err == f"run: --here trains on this machine: leave out {named}\n"


@pytest.mark.parametrize("form", ["json", "yaml", "name"])
@pytest.mark.parametrize("command", [("run", *DATASET, *MODEL), ("status", "helpful")])
def test_a_watch_prints_no_document(command: tuple[str, ...], form: str, tmp_path: Path) -> None:
    env = {"KUBECONFIG": str(tmp_path / "none")}
    result = run_inside(*command, "--watch", "-o", form, env=env)
    message = f"--watch prints a line for each change, and -o {form} one document"
    assert (result.code, message in result.err + result.out) == (2, True), result.err


def test_the_status_as_json_is_no_watch_either(tmp_path: Path) -> None:
    result = run_inside("status", "x", "-w", "--json", env={"KUBECONFIG": str(tmp_path / "none")})
    assert result.code == 2 and "--watch prints a line for each change" in result.json["error"]


def test_a_mistyped_file_is_looked_for_before_the_hub_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for name in ("p.jsonl", "data/p.jsonl"):
        Path(name).touch()
    for name in ("p.jsnl", "data/p.jsnl", "p.json"):
        result = run_inside("check", name)
        assert result.code == 2, result.out
        assert f"--dataset {name}: no such file or directory; did you mean" in result.err
        assert "p.jsonl?" in result.err


@pytest.mark.parametrize("name", ["data/model.v2", "data/pairs", "org/p.chat", "Qwen/Qwen2.5-1.5B"])
def test_a_name_beside_other_files_is_still_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/pairs.jsonl").touch()
    assert parse_source(name, "dataset").spec == {"repo": name}


def test_without_a_cluster_a_pipe_is_told_how_to_train_here(tmp_path: Path) -> None:
    env = {"KUBECONFIG": str(tmp_path / "none")}
    result = run_inside("run", *DATASET, *MODEL, env=env)
    assert result.code == 2
    assert "no cluster is configured" in result.err and "add --here" in result.err


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 0), ("n", 1)])
def test_without_a_cluster_a_user_is_offered_to_train_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    trained = []

    def train(request: JobRequest, form: DocumentFormat) -> int:
        trained.append(request)
        return 0

    monkeypatch.setattr(command, "train_request", train)
    dataset = tmp_path / "pairs.jsonl"
    dataset.touch()
    env = {"KUBECONFIG": str(tmp_path / "none")}
    options = ("--dataset", str(dataset), *MODEL, "--epochs", "2")
    result = run_inside("run", *options, env=env, typed=f"{answer}\n")
    assert result.code == code, result.err
    assert "Train on this machine?" in result.out + result.err
    assert len(trained) == 1 - code
    for request in trained:
        assert request.job.spec.training.epochs == 2
        assert request.volumes == {"local-dataset": tmp_path}
