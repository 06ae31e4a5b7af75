"""Trackers named in `report_to`: what they write is kept, and what fails in them costs no training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.containers import Container
from tests.kit.training.tiny_job import MakeJob, losses, metrics

from dpojob_api.constants import ENV_SECRET_PREFIX
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.shared import experiment_trackers
from dpojob_trainer.shared.container_environment import ENV_TRACKERS
from dpojob_trainer.shared.experiment_trackers import check_trackers
from dpojob_trainer.training import TrainJob, run

QUICK: dict[str, Any] = {"epochs": 0.3}
SECRET = {"environmentSecret": {"name": "trackers"}}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The places that trackers read from the environment, as they were before."""
    for name in (
        "TENSORBOARD_LOGGING_DIR",
        "TRACKIO_DIR",
        "MLFLOW_TRACKING_URI",
        "WANDB_DIR",
        "WANDB_MODE",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def reporting(make_job: MakeJob, *names: str, **more: Any) -> TrainJob:
    training = {**QUICK, "arguments": {"report_to": list(names)}}
    return make_job(spec={"training": training, **SECRET, **more})


@pytest.mark.train
def test_tensorboard_keeps_every_loss_beside_the_model(make_job: MakeJob) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    job = reporting(make_job, "tensorboard")
    assert run(job).outcome == "Succeeded"
    events = EventAccumulator(str(job.output / "tensorboard"))
    events.Reload()
    reported = {event.step: event.value for event in events.Scalars("train/loss")}
    assert reported == pytest.approx(losses(metrics(job)), rel=1e-5)


@pytest.mark.train
def test_mlflow_gets_every_loss(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/store")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    job = reporting(make_job, "mlflow")
    assert run(job).outcome == "Succeeded"
    client = mlflow.MlflowClient(f"file://{tmp_path}/store")
    (found,) = client.search_runs(["0"])
    assert found.info.run_name == job.name
    reported = {m.step: m.value for m in client.get_metric_history(found.info.run_id, "loss")}
    assert reported == pytest.approx(losses(metrics(job)), rel=1e-5)


@pytest.mark.train
def test_trackio_keeps_its_files_beside_the_model(make_job: MakeJob, tmp_path: Path) -> None:
    job = reporting(make_job, "trackio")
    container = Container(job, tmp_path / "pod")  # It reads its place once in a process's life.
    assert container.wait() == 0, container.log()
    assert list((job.output / "trackio").glob("*.db"))


@pytest.mark.train
def test_wandb_offline_keeps_every_loss_beside_the_model(make_job: MakeJob, tmp_path: Path) -> None:
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]
    from wandb.sdk.internal.datastore import DataStore

    job = reporting(make_job, "wandb")
    # In a process of its own, which wandb's service would outlive, with the Secret's key as the kubelet sets it.
    variables = {f"{ENV_SECRET_PREFIX}WANDB_MODE": "offline", "WANDB_X_SERVICE_WAIT": "300"}
    container = Container(job, tmp_path / "pod", variables)
    assert container.wait() == 0, container.log()
    (written,) = (job.output / "wandb").rglob("run-*.wandb")
    store: Any = DataStore()
    reported = {}
    store.open_for_scan(str(written))
    while (data := store.scan_data()) is not None:
        record = Record()
        record.ParseFromString(data)
        items = {
            item.key or ".".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        if "train/loss" in items:
            reported[items["train/global_step"]] = items["train/loss"]
    assert reported == pytest.approx(losses(metrics(job)), rel=1e-5)


@pytest.mark.train
def test_a_tracker_that_fails_is_left_out_and_reported(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # Nobody listens there.
    job = reporting(make_job, "mlflow", "tensorboard")
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert "mlflow failed and was left out" in (job.output / "report.html").read_text()
    assert list((job.output / "tensorboard").iterdir())


@pytest.mark.train
def test_a_secret_without_the_address_is_reported_before_anything_is_loaded(
    make_job: MakeJob,
) -> None:
    failed = run(reporting(make_job, "mlflow"))
    assert failed.reason == "InvalidArguments"
    assert "MLFLOW_TRACKING_URI" in failed.message and "environmentSecret" in failed.message


@pytest.mark.parametrize(
    ("trackers", "more", "phrase"),
    [
        ("swanlab", SECRET, "swanlab is not in the training image, which has mlflow"),
        (["tensorboard", "swanlab"], SECRET, "swanlab is not in the training image"),
        ("tensorbord", {}, "did you mean tensorboard?"),
        ("all", {}, "name what you want"),
        ("mlflow", {}, "spec.environmentSecret"),
    ],
)
def test_what_cannot_be_is_refused_at_inspection(
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    trackers: Any,
    more: dict[str, Any],
    phrase: str,
) -> None:
    monkeypatch.setattr(
        experiment_trackers, "find_spec", lambda _: None
    )  # As in the inspection image.
    spec = make_job().spec.model_copy(deep=True)
    spec.training.arguments["report_to"] = trackers
    if more:
        spec = type(spec).model_validate({**spec.wire(), **more})
    with pytest.raises(InspectionError) as caught:
        check_trackers(spec)
    assert caught.value.reason == "InvalidArguments"
    assert phrase in caught.value.message


@pytest.mark.parametrize("trackers", ["none", None, [], "tensorboard", ["trackio", "tensorboard"]])
def test_what_the_image_has_is_accepted(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, trackers: Any
) -> None:
    monkeypatch.setattr(experiment_trackers, "find_spec", lambda _: None)
    spec = make_job().spec.model_copy(deep=True)
    spec.training.arguments["report_to"] = trackers
    check_trackers(spec)


def test_an_installation_with_another_image_lists_what_it_has(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment_trackers, "find_spec", lambda _: None)
    monkeypatch.setenv(ENV_TRACKERS, "swanlab, nonsense")
    spec = type(make_job().spec).model_validate({**make_job().spec.wire(), **SECRET})
    spec.training.arguments["report_to"] = "swanlab"
    check_trackers(spec)


def test_the_list_is_that_of_the_image_and_of_transformers() -> None:
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    assert set(experiment_trackers.TRACKER_PACKAGES) == set(INTEGRATION_TO_CALLBACK) - {"kubeflow"}
    assert (
        experiment_trackers.TRACKER_VARIABLES.keys() == experiment_trackers.TRACKER_PACKAGES.keys()
    )
    lock = Path(__file__).parents[4].joinpath("locks/trainer.txt").read_text()
    packages = experiment_trackers.TRACKER_PACKAGES | {"mlflow": "mlflow-skinny"}
    assert {name for name, package in packages.items() if f"\n{package}==" in lock} == set(
        experiment_trackers.IMAGE_TRACKERS
    )
