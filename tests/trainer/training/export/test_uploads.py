"""Uploads to a loopback hub and a real S3 server: the same bytes, the whole of them, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.kit.hub.server import Hub
from tests.kit.training.full_disk import fill_disk
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.export import output_directory, s3_upload, uploads

REPO = "my-org/tuned"
SECRET = {"name": "keys"}
NOT_FOR_OTHERS = "the user's own, which lies in the same directory"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(uploads, "TRIES", 3)


@pytest.fixture
def hub_job(make_job: MakeJob, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> TrainJob:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    return finished(make_job(spec={"output": {"push": REPO}}, token=hub.token))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield f"http://{host}:{port}"
    server.stop()


def finished(job: TrainJob) -> TrainJob:
    """The output as a finished run leaves it before its uploads."""
    job.output.mkdir(parents=True)
    for name, content in {
        "config.json": b"{}", "model.safetensors": bytes(range(256)) * 9000, "README.md": b"# card",
        "report.html": b"<html>", "tokenizer.json": b"{}", "metrics.jsonl": b"{}\n",
    }.items():  # fmt: skip
        (job.output / name).write_bytes(content)
    outcome = Outcome(
        outcome="Succeeded", reason="Completed", artifacts=Artifacts(kind="model", path="out")
    )
    output_directory.write_lineage(job.output, job, outcome)
    (job.output / "private").mkdir()
    for name in ("notes.txt", "old.safetensors", "private/rows.jsonl"):
        (job.output / name).write_text(NOT_FOR_OTHERS)
    return job


def shown(directory: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.is_file()
        and path.name != output_directory.LINEAGE
        and path.read_bytes() != NOT_FOR_OTHERS.encode()
    }


def test_the_hub_gets_the_same_bytes_in_one_commit(hub_job: TrainJob, hub: Hub) -> None:
    outcome = run(hub_job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.artifacts is not None and outcome.artifacts.push is not None
    assert outcome.artifacts.push.startswith(f"{REPO}@")
    got = {n: c for n, c in hub.files(REPO).items() if n != ".gitattributes"}
    assert got == shown(hub_job.output)
    assert run(hub_job).artifacts == outcome.artifacts  # Known to be done; not done again.
    assert sum("/commit/" in request.path for request in hub.requests) == 1


def test_another_repository_named_later_gets_the_model_too(
    hub_job: TrainJob, make_job: MakeJob, hub: Hub
) -> None:
    run(hub_job)
    ended = run(make_job(spec={"output": {"push": "my-org/second"}}, token=hub.token))
    assert ended.outcome == "Succeeded", ended.message
    assert ended.artifacts is not None and ended.artifacts.push is not None
    assert ended.artifacts.push.startswith("my-org/second@")
    assert hub.files("my-org/second") == hub.files(REPO)


PRIVATE = {"training": {"arguments": {"hub_private_repo": True}}, "output": {"push": REPO}}


def test_a_private_repository_is_made_where_one_is_asked_for(
    make_job: MakeJob, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    assert run(finished(make_job(spec=PRIVATE, token=hub.token))).outcome == "Succeeded"
    assert hub.repository(REPO).private


def test_nothing_is_pushed_to_a_public_repository_where_a_private_one_is_asked_for(
    make_job: MakeJob, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    hub.add("model", REPO)
    failed = run(finished(make_job(spec=PRIVATE, token=hub.token)))
    assert failed.reason == "PushFailed" and "hub_private_repo" in failed.message
    assert not any("/commit/" in request.path for request in hub.requests)


def test_a_hub_that_fails_now_and_then_is_insisted_on(hub_job: TrainJob, hub: Hub) -> None:
    hub.fault(r"POST .*/commit/", status=500, times=2)
    assert run(hub_job).outcome == "Succeeded"


def test_a_hub_that_stays_down_leaves_the_model_and_the_next_attempt_uploads(
    hub_job: TrainJob, hub: Hub
) -> None:
    hub.fault(r"POST .*/commit/", status=503)
    failed = run(hub_job)
    assert (failed.outcome, failed.reason) == ("Failed", "PushFailed")
    assert failed.artifacts is not None and failed.artifacts.push is None
    assert (hub_job.output / "config.json").exists()
    with pytest.raises(KeyError, match="no revision"):
        hub.files(REPO)
    hub.clear_faults()
    assert run(hub_job).outcome == "Succeeded"


def test_a_token_without_rights_is_reported_at_once(
    make_job: MakeJob, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    job = finished(make_job(spec={"output": {"push": REPO}}, token="nobody"))
    hub.fault(r"POST /api/repos/create", status=403)
    failed = run(job)
    assert failed.reason == "PushFailed" and "hubTokenSecret" in failed.message


def test_a_store_gets_the_same_bytes(make_job: MakeJob, store: str) -> None:
    client = boto3.client("s3", endpoint_url=store)
    client.create_bucket(Bucket="models")
    target = {"bucket": "models", "prefix": "a/b", "endpoint": store, "secret": SECRET}
    job = finished(make_job(spec={"output": {"s3": target}}))
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.artifacts is not None and outcome.artifacts.s3 == "s3://models/a/b"
    listed = client.list_objects_v2(Bucket="models")["Contents"]
    got = {
        entry["Key"].removeprefix("a/b/"): client.get_object(Bucket="models", Key=entry["Key"])[
            "Body"
        ].read()
        for entry in listed
    }
    assert got == shown(job.output)


def test_another_prefix_named_later_gets_the_model_too(make_job: MakeJob, store: str) -> None:
    client = boto3.client("s3", endpoint_url=store)
    client.create_bucket(Bucket="both")
    target = {"bucket": "both", "prefix": "one", "endpoint": store, "secret": SECRET}
    run(finished(make_job(spec={"output": {"s3": target}})))
    ended = run(make_job(spec={"output": {"s3": {**target, "prefix": "two"}}}))
    assert ended.artifacts is not None and ended.artifacts.s3 == "s3://both/two"
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="both")["Contents"]]
    assert {key.split("/")[0] for key in keys} == {"one", "two"}


def test_a_store_gets_the_model_by_the_identity_of_the_pod(make_job: MakeJob, store: str) -> None:
    client = boto3.client("s3", endpoint_url=store)
    client.create_bucket(Bucket="by-identity")
    target = {"bucket": "by-identity", "endpoint": store}
    ended = run(finished(make_job(spec={"output": {"s3": target}})))
    assert ended.artifacts is not None and ended.artifacts.s3 == "s3://by-identity"


def test_without_secret_and_identity_nothing_is_trained(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    failed = run(make_job(spec={"output": {"s3": {"bucket": "b"}}}))
    assert failed.reason == "PushFailed" and "nothing was trained" in failed.message
    assert failed.progress.step == 0


def test_a_store_without_the_bucket_says_so(make_job: MakeJob, store: str) -> None:
    target = {"bucket": "absent", "endpoint": store, "secret": SECRET}
    failed = run(finished(make_job(spec={"output": {"s3": target}})))
    assert failed.reason == "PushFailed" and "bucket" in failed.message


def test_an_upload_that_breaks_off_leaves_nothing_in_the_store(
    make_job: MakeJob, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3", endpoint_url=store)
    client.create_bucket(Bucket="broken")
    target = {"bucket": "broken", "endpoint": store, "secret": SECRET}
    job = finished(make_job(spec={"output": {"s3": target}}))
    gone = job.output / "gone.safetensors"
    monkeypatch.setattr(
        s3_upload, "model_files", lambda directory: [*output_directory.model_files(directory), gone]
    )
    failed = run(job)
    assert failed.reason == "PushFailed", failed.message
    assert client.list_objects_v2(Bucket="broken")["KeyCount"] == 0


def test_uploads_that_a_full_disk_does_not_record_are_said_to_be_complete(
    make_job: MakeJob, hub: Hub, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=store).create_bucket(Bucket="full")
    target = {"bucket": "full", "endpoint": store, "secret": SECRET}
    job = finished(make_job(spec={"output": {"push": REPO, "s3": target}}, token=hub.token))
    before = output_directory.read_lineage(job.output)
    with monkeypatch.context() as patch:
        fill_disk(patch, lambda path: "lineage" in path.name)
        ended = run(job)
    assert (ended.outcome, ended.reason) == ("Succeeded", "Completed"), ended.message
    assert ended.artifacts is not None and ended.artifacts.s3 == "s3://full"
    assert ended.artifacts.push is not None and ended.artifacts.push.startswith(f"{REPO}@")
    for address in (ended.artifacts.push, "s3://full"):
        assert f"The upload to {address} is complete, but could not be recorded" in ended.message
    assert "No space left on device" in ended.message
    assert output_directory.read_lineage(job.output) == before
    # With room again the next run uploads and records.
    again = run(job)
    assert again.outcome == "Succeeded" and "recorded" not in again.message
    assert output_directory.uploads(job.output)["push"] == REPO
    assert len(output_directory.uploads(job.output)) == 2


def test_an_upload_before_one_that_fails_is_reported(
    make_job: MakeJob, hub: Hub, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    target = {"bucket": "absent", "endpoint": store, "secret": SECRET}
    job = finished(make_job(spec={"output": {"push": REPO, "s3": target}}, token=hub.token))
    failed = run(job)
    assert failed.reason == "PushFailed" and "bucket" in failed.message
    assert failed.artifacts is not None and failed.artifacts.s3 is None
    assert failed.artifacts.push is not None and failed.artifacts.push.startswith(f"{REPO}@")
