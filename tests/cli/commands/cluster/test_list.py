"""`dpojob list`: phases that are asked for, and jobs of a later version."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.kit.cli.command_runner import run_inside
from tests.kit.cli.scripted_server import Response, scripted_api

from dpojob.cluster.job_facts import read_pool
from dpojob.commands.cluster import list_jobs, status
from dpojob.errors import CommandError
from dpojob.output_format import OutputFormat

LATER = {
    "metadata": {"name": "helpful", "namespace": "team-a", "uid": "u1"},
    "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}, "newField": 1},
    "status": {"phase": "Resting", "newFact": True},
}
"""A job with fields and a phase that this version does not know."""


@pytest.mark.parametrize(
    ("phase", "hint"),
    [("Runing", "; did you mean Training?"), ("Running", "; did you mean Training?"), ("Done", "")],
)
def test_a_phase_that_no_job_is_in_is_refused_with_the_phases(phase: str, hint: str) -> None:
    result = run_inside("list", "--phase", phase)
    phases = "Pending, Waiting, Inspecting, Planning, Queued, Training, Suspended, Complete, Failed"
    message = f"list: --phase {phase}: a phase is one of {phases}{hint}\n"
    assert (result.code, result.err) == (2, message)


def test_a_pool_of_a_later_version_is_named() -> None:
    pool = {
        "metadata": {"name": "t4"},
        "spec": {"gpu": {"model": "T4", "memoryGiB": 16, "newField": 1}},
    }
    message = r"^this version of dpojob cannot read t4: spec\.gpu\.newField: .*in the cluster\?$"
    with pytest.raises(CommandError, match=message):
        read_pool(pool)


async def test_jobs_of_a_later_version_are_printed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = Response([{"metadata": {}, "items": [LATER]}])
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "100")
    async with scripted_api(jobs, jobs, Response([LATER]), Response([LATER])) as (server, _):
        server.write_kubeconfig(tmp_path / "config")
        assert await list_jobs.run(None, None, OutputFormat.YAML) == 0
        assert yaml.safe_load(capsys.readouterr().out) == [LATER]
        assert await list_jobs.run(None, None, OutputFormat.TABLE) == 0
        row = capsys.readouterr().out.splitlines()[1]
        assert row.split() == ["helpful", "Resting", "org/model"]
        assert await status.run("helpful", None, None, OutputFormat.YAML) == 0
        assert yaml.safe_load(capsys.readouterr().out) == LATER
        assert await status.run("helpful", None, None, OutputFormat.TABLE) == 0
        assert capsys.readouterr().out.split()[:2] == ["team-a/helpful", "Resting"]
