import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster.host_state import differences, picture
from tests.kit.waiting import LIMIT, wait_until

from devcluster.cluster import Cluster, sweep
from devcluster.control_plane import kwok
from devcluster.state import CONTROL_PLANE, clusters

pytestmark = pytest.mark.cluster


def get(cluster: Cluster, *what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", "-o", "json", *what).stdout)
    return found


@pytest.fixture
def up(state_home: Path) -> Iterator[Callable[[str], Cluster]]:
    started: list[Cluster] = []

    def start(name: str) -> Cluster:
        cluster = Cluster(name)
        started.append(cluster)
        cluster.up(CONTROL_PLANE, 1)
        return cluster

    yield start
    for cluster in started:
        cluster.down(images=True)


def test_it_starts_side_by_side_heals_and_leaves_nothing(
    up: Callable[[str], Cluster], state_home: Path
) -> None:
    before = picture(str(state_home))
    one, two = up("one"), up("two")
    assert one.kubectl("get", "nodes", "-o", "name").stdout == "node/node-0\n"
    one.kubectl("create", "namespace", "only-in-one")
    assert two.kubectl("get", "namespace", "only-in-one", check=False).returncode == 1

    # Reuse: nothing is started again.
    pids = {name: one.daemons.pid(name) for name in one.daemons.names()}
    one.up(CONTROL_PLANE, 1)
    assert {name: one.daemons.pid(name) for name in one.daemons.names()} == pids

    # Healing: what was killed is back, with what it knew; what was not killed goes on.
    for name in ("etcd", "kube-apiserver", "provisioner"):
        pid = pids[name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    one.up(CONTROL_PLANE, 1)
    healed = {name: one.daemons.pid(name) for name in one.daemons.names()}
    assert None not in healed.values()
    assert healed["etcd"] != pids["etcd"]
    assert healed["kwok"] == pids["kwok"]
    one.kubectl("get", "namespace", "only-in-one")

    # Down: one goes, the other does not notice; then that goes too.
    one.down()
    two.kubectl("get", "nodes")
    two.down()
    changed = differences(before, picture(str(state_home)))
    # The rest is the machine's, on which real nodes may start and stop at the same time.
    assert not changed.keys() & {"processes", "hosts", "sysctls"}
    assert clusters() == []


def test_down_is_harmless_twice_and_without_a_cluster(state_home: Path) -> None:
    Cluster("nobody").down()
    Cluster("nobody").down()


def test_a_killed_test_run_is_swept_up_by_the_next(state_home: Path) -> None:
    run = (
        "import os; from devcluster.cluster import Cluster, this_process;"
        "Cluster('orphan').up('control-plane', 0, owner=this_process()); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", run], check=False)
    assert clusters() == ["orphan"]
    sweep()
    assert clusters() == []
    assert picture(str(state_home))["processes"] == set()


@pytest.fixture
def gpu_node(control_plane: Cluster) -> Iterator[str]:
    name = "gpu-test"
    control_plane.add_kwok_node(kwok.node_json(name, 2, "nvidia.com/gpu", {"pool": "test"}))
    wait_until(
        lambda: (
            control_plane.kubectl(
                "wait", "--for=condition=Ready", f"node/{name}", "--timeout=1s", check=False
            ).returncode
            == 0
        ),
        "the node is ready",
    )
    yield name
    control_plane.kubectl("delete", "node", name)


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: train}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: test}
      containers:
        - name: main
          image: nothing
          resources: {limits: {nvidia.com/gpu: 2}}
          volumeMounts: [{name: out, mountPath: /out}]
      volumes: [{name: out, persistentVolumeClaim: {claimName: out}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: out}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.mark.parametrize(("code", "condition"), [("0", "Complete"), ("42", "Failed")])
def test_a_pod_of_a_fake_node_runs_until_its_end_is_set(
    control_plane: Cluster, namespace: str, gpu_node: str, code: str, condition: str
) -> None:
    in_namespace = ("-n", namespace)
    control_plane.kubectl("apply", *in_namespace, "-f", "-", input=JOB)
    pods = (*in_namespace, "pod", "-l", "job-name=train")
    phase = ("get", *pods, "-o", "jsonpath={.items[*].status.phase}")
    wait_until(lambda: control_plane.kubectl(*phase).stdout == "Running", "the pod runs")
    notes = (f"kwok.dpojob.dev/exit-code={code}", 'kwok.dpojob.dev/message={"a": "<b>"}')
    control_plane.kubectl("annotate", *pods, *notes)
    control_plane.kubectl(
        "wait",
        *in_namespace,
        f"--for=condition={condition}",
        "job/train",
        f"--timeout={LIMIT:.0f}s",
    )
    (item,) = get(control_plane, *pods)["items"]
    ended = item["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (int(code), '{"a": "<b>"}')


def test_dozens_of_claims_are_bound_and_their_volumes_recycled(
    control_plane: Cluster, namespace: str
) -> None:
    manifest = JOB.split("---")[1]
    many = "---".join(manifest.replace("name: out", f"name: out-{i}") for i in range(24))
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=many)
    bound = "jsonpath={.items[*].status.phase}"
    phases = ("get", "pvc", "-n", namespace, "-o", bound)
    wait_until(
        lambda: control_plane.kubectl(*phases).stdout.split() == ["Bound"] * 24,
        "24 claims are bound",
    )
    directories = list(control_plane.state.volumes.glob(f"{namespace}_*"))
    assert len(directories) == 24
    control_plane.kubectl("delete", "pvc", "--all", "-n", namespace)
    wait_until(
        lambda: not list(control_plane.state.volumes.glob(f"{namespace}_*")),
        "the volumes are deleted",
    )


def test_access_control_and_pod_security_are_those_of_a_real_cluster(
    control_plane: Cluster, namespace: str
) -> None:
    who = f"--as=system:serviceaccount:{namespace}:default"
    asked = control_plane.kubectl("auth", "can-i", "list", "secrets", who, check=False)
    assert asked.stdout.strip() == "no"
    account = ("get", "serviceaccount", "default", "-n", namespace)
    wait_until(
        lambda: control_plane.kubectl(*account, check=False).returncode == 0, "the account exists"
    )
    token = control_plane.kubectl("create", "token", "default", "-n", namespace).stdout
    assert token.count(".") == 2
    label = "pod-security.kubernetes.io/enforce=restricted"
    control_plane.kubectl("label", "namespace", namespace, label)
    run = ("run", "root", "--image=x", "-n", namespace, "--dry-run=server")
    # Admission reads the namespace from a cache, which the label reaches a moment later.
    wait_until(
        lambda: "violates PodSecurity" in control_plane.kubectl(*run, check=False).stderr,
        "a pod that runs as root is refused",
    )
