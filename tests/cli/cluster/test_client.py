"""The client for programs, and the example notebook, with a tenant's rights on a real API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cli.notebooks import run_cells
from tests.kit.cli.tenant_job import Tenant
from tests.kit.repository import ROOT
from tests.kit.waiting import wait_until

from dpojob import AsyncClient, Client, DPOJob
from dpojob.errors import CommandError

pytestmark = pytest.mark.cluster

NOTEBOOK = ROOT / "examples/tune_from_a_notebook.ipynb"
JOB = {
    "metadata": {"name": "made"},
    "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}},
}
TRAINING = {"phase": "Training", "progress": {"step": 1, "maxSteps": 10, "margin": 0.5}}
COMPLETE = {
    "phase": "Complete",
    "conditions": [
        {
            "type": "Complete", "status": "True", "reason": "Completed", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "samples": [{"prompt": "Hi?", "before": "Why?", "after": "Hello!"}],
}  # fmt: skip


class Operator(threading.Thread):
    """Writes statuses in the operator's place, once the job exists."""

    def __init__(self, tenant: Tenant, name: str, *statuses: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._tenant, self._name, self._statuses = tenant, name, statuses

    def run(self) -> None:
        def exists() -> bool:
            return bool(
                self._tenant.admin("get", "dpojob", self._name, "--ignore-not-found", "-o", "name")
            )

        wait_until(exists, "the job exists")
        for status in self._statuses:
            patch = json.dumps({"status": status})
            options = ("--subresource=status", "--type=merge", "-p", patch)
            self._tenant.admin("patch", "dpojob", self._name, *options)


@pytest.fixture
def in_namespace(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    monkeypatch.setenv("KUBECONFIG", str(tenant.kubeconfig))
    yield tenant
    tenant.admin("delete", "dpojobs", "--all")


def test_the_notebook_runs(in_namespace: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(in_namespace, "from-a-notebook", TRAINING, COMPLETE)
    operator.start()
    run_cells(NOTEBOOK, without="needs-a-node")
    printed = capsys.readouterr().out
    assert "Complete" in printed and "Hi? | Why? | Hello!" in printed
    operator.join()


def test_a_client_creates_watches_changes_and_deletes(in_namespace: Tenant) -> None:
    with Client() as client:
        assert client.create(JOB, dry_run=True).name == "made"
        assert client.jobs() == []
        created = client.create(DPOJob.model_validate(JOB))
        assert created.uid and created.spec.training.epochs == 1
        assert client.suspend("made").spec.suspend is True
        assert client.resume("made").spec.suspend is False
        operator = Operator(in_namespace, "made", TRAINING, COMPLETE)
        operator.start()
        phases = [job.status.phase for job in client.watch("made")]
        assert phases[-1] == "Complete"
        assert client.wait("made").status.samples[0].after == "Hello!"
        assert client.events(created) == []
        with pytest.raises(CommandError, match="has no model on a claim"):
            client.download("made")
        client.delete("made")
        assert client.jobs() == []
        operator.join()


async def test_an_invalid_job_is_refused_before_it_is_sent(in_namespace: Tenant) -> None:
    async with AsyncClient() as client:
        wrong = {**JOB, "spec": {**JOB["spec"], "training": {"lr": 1e-5}}}  # type: ignore[dict-item]
        with pytest.raises(CommandError, match=r"write spec\.training\.learningRate"):
            await client.create(wrong)
        with pytest.raises(CommandError, match='"made" not found'):
            await client.get("made")


def test_a_client_needs_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="no cluster is configured"):
        Client()
