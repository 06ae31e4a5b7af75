"""What the operator lists when it starts."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.kit.cluster.chart_rights import Account
from tests.kit.operator_fixture import JobNamespace, Process

from devcluster.control_plane.audit import read
from dpojob_operator.kube import MIN_PAGE
from dpojob_operator.kube.resources import CLAIMS, COSTQUOTAS, DPOJOBS, GPUPOOLS, JOBS, PODS

pytestmark = pytest.mark.cluster
JOBS_BEFORE = MIN_PAGE + 1
"""DPOJobs that make two pages of a list."""
WATCHED = {resource.plural for resource in (DPOJOBS, GPUPOOLS, JOBS, PODS, CLAIMS, COSTQUOTAS)}


def test_what_was_listed_is_not_listed_again_for_the_watches(
    job_namespace: JobNamespace, own_account: Account, tmp_path: Path
) -> None:
    """Kopf's own list of each kind ends after one page, and its watch brings what is changed afterwards.

    The first job has a number that the API server writes with more digits than a 64-bit integer has.
    """
    job_namespace.job("huge", suspend=True, training={"arguments": {"adam_epsilon": 1e20}})
    for number in range(JOBS_BEFORE - 1):
        job_namespace.job(f"before-{number}", suspend=True)
    process = Process(
        str(own_account.kubeconfig),
        job_namespace.namespace,
        tmp_path / "log",
        REQUEST_SECONDS="60",  # a list that is given up on a busy machine is made again, and counted twice
    )
    process.start()
    try:

        def requests(verb: str) -> Counter[str]:
            found = read(job_namespace.cluster.state.audit_log)
            own = (each for each in found if each.user == own_account.user)
            return Counter(each.resource for each in own if each.verb == verb)

        job_namespace.until("all kinds are watched", lambda: set(requests("watch")) >= WATCHED)
        assert requests("list")["dpojobs"] == 2 + 1
        job_namespace.job("after")
        job_namespace.pod("after", "inspect")
    finally:
        process.stop(signal.SIGKILL)
        print(process.log.read_text()[-4000:])
