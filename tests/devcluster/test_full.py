"""Real nodes. One cluster of them fits on a machine, so most of this uses the shared one."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.cluster.host_state import differences, picture
from tests.kit.waiting import LIMIT, wait_until

from devcluster import image_loader
from devcluster.cluster import Cluster
from devcluster.host.errors import DevclusterError
from devcluster.images import base_image, buildah, builder, oci_layout
from devcluster.images.base_image import NAME as BASE
from devcluster.state import FULL, State, clusters

pytestmark = pytest.mark.e2e

POD = f"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    seccompProfile: {{type: RuntimeDefault}}
  containers:
    - name: main
      image: {BASE}
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "echo hello > /data/greeting; exec python3 -m http.server -d /data 8000"]
      resources: {{limits: {{nvidia.com/gpu: 1}}}}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {{drop: [ALL]}}
      readinessProbe: {{httpGet: {{port: 8000}}, periodSeconds: 1}}
      volumeMounts: [{{name: data, mountPath: /data}}]
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: greeter}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8000}}]}}
"""

ASK_ITSELF = (
    "import os, ssl, urllib.request as u\n"
    "print(u.urlopen('http://greeter/greeting').read().decode().strip())\n"
    "where = '/var/run/secrets/kubernetes.io/serviceaccount/'\n"
    "context = ssl.create_default_context(cafile=where + 'ca.crt')\n"
    "token = {'Authorization': 'Bearer ' + open(where + 'token').read()}\n"
    "r = u.Request('https://kubernetes.default.svc/api', headers=token)\n"
    "print(u.urlopen(r, context=context).status)\n"
)


DERIVED = ("localhost/devcluster-derived:old", "localhost/devcluster-derived:new")


def build_derived(name: str, content: str, context: Path) -> None:
    """An image with one file more than the base image."""
    (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY word /word\n")
    (context / "word").write_text(content)
    builder.build(name, context, context / "Dockerfile", None, [])


def set_gpus(cluster: Cluster, count: int) -> None:
    cluster.set_gpus("node-0", "nvidia.com/gpu", count)


def start_pod(cluster: Cluster, namespace: str) -> None:
    base_image.ensure()
    image_loader.load(cluster, BASE, None)
    set_gpus(cluster, 1)
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=POD)
    ready = ("wait", "-n", namespace, "--for=condition=Ready", "pod/web", f"--timeout={LIMIT:.0f}s")
    cluster.kubectl(*ready)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that may be taken down: only where no other one is in use.

    Its tests stand first, before any that start the shared one.
    """
    for name in clusters():
        if State(name).load().mode == FULL:
            pytest.skip(f"the cluster {name!r} is up; to test `down`, take it down first")
    # Long, since a socket's path must not depend on where the user's home is.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("long-" * 15) / "state"))
    cluster = Cluster("alone")
    # A cluster of this machine that was killed, and whose state was deleted, may have left files and rules in the places
    # that all clusters share. `down` removes them, so they must be gone before a test takes its first picture.
    cluster.state.create(FULL, 2, owner="")
    cluster.down(images=True)
    yield cluster
    cluster.down(images=True)


def test_down_leaves_nothing_even_with_pods_running(alone: Cluster, tmp_path: Path) -> None:
    marker = str(alone.state.directory)
    before = picture(marker)
    alone.up(FULL, 2)
    start_pod(alone, "default")
    held = [alone.blobs().keys()]
    for name in DERIVED:
        build_derived(name, name, tmp_path)
        image_loader.load(alone, name, None)
        buildah.run("rmi", name)
        held.append(alone.blobs().keys())
    during = differences(before, picture(marker))
    assert {"processes", "mounts", "links", "addresses", "rules", "cgroups"} <= during.keys()
    alone.down(current_images=DERIVED[1:])
    assert differences(before, picture(marker)) == {}
    # The image store stays, and serves the next start; what ran is not remembered.
    assert [path.name for path in alone.state.directory.iterdir()] == ["images"]
    alone.up(FULL, 1)
    assert alone.kubectl("get", "pods", "-A", "-o", "name").stdout == ""
    assert alone.has_image(BASE, str(buildah.image_id(BASE)))
    # Neither the name nor the files of an image with another tag are left.
    assert [alone.has_image(name) for name in DERIVED] == [False, True]
    of_old, of_new = held[1] - held[0], held[2] - held[1]
    assert len(of_old) >= 3
    left = alone.blobs().keys() & (of_old | of_new)
    # Manifest, configuration and layer of the new image. The index that an import leaves belongs to no image, and is
    # collected whenever containerd next does so.
    assert left <= of_new and len(left) >= 3
    alone.down(images=True)
    assert differences(before, picture(marker)) == {}
    assert not alone.state.directory.exists()


def test_down_leaves_nothing_of_a_cluster_that_is_half_dead(alone: Cluster) -> None:
    marker = str(alone.state.directory)
    before = picture(marker)
    alone.up(FULL, 1)
    start_pod(alone, "default")
    for victim in ("containerd-0", "kube-apiserver", "kubelet-0"):
        pid = alone.daemons.pid(victim)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    alone.down(images=True)
    assert differences(before, picture(marker)) == {}


@pytest.fixture
def own(cluster: object) -> Cluster:
    if not isinstance(cluster, Cluster):
        pytest.skip("this is about devcluster's own nodes, not about kind's or CONTEXT's")
    return cluster


def test_a_pod_is_served_as_on_any_cluster(own: Cluster, namespace: str) -> None:
    start_pod(own, namespace)
    inside = ("-n", namespace)
    # exec, cluster DNS, a service, the service account and the API server, from inside.
    # (kube-proxy learns of the pod a moment after it is Ready.)
    ask = ("exec", *inside, "web", "--", "python3", "-c", ASK_ITSELF)
    wait_until(
        lambda: own.kubectl(*ask, check=False).stdout.split() == ["hello", "200"], "the pod answers"
    )
    # Logs and the API server's pod proxy, from outside.
    assert "GET /greeting" in own.kubectl("logs", *inside, "web").stdout
    proxy = f"/api/v1/namespaces/{namespace}/pods/web:8000/proxy/greeting"
    assert own.kubectl("get", "--raw", proxy).stdout == "hello\n"
    # The claim's directory on this machine.
    (directory,) = own.state.volumes.glob(f"{namespace}_data_*")
    assert (directory / "greeting").read_text() == "hello\n"


@pytest.mark.parametrize("victim", ["containerd-0", "kubelet-0", "kube-apiserver", "coredns"])
def test_a_killed_process_is_replaced_and_pods_go_on(
    own: Cluster, namespace: str, victim: str
) -> None:
    start_pod(own, namespace)
    started = ("get", "pod", "web", "-n", namespace, "-o", "jsonpath={.status.containerStatuses}")
    before = own.kubectl(*started).stdout
    pid = own.daemons.pid(victim)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    own.up(FULL, 1)
    assert all(own.status().values())
    proxy = f"/api/v1/namespaces/{namespace}/pods/web:8000/proxy/greeting"
    wait_until(
        lambda: own.kubectl("get", "--raw", proxy, check=False).stdout == "hello\n",
        "the pod answers",
    )
    assert own.kubectl(*started).stdout == before
    gpus = "jsonpath={.status.allocatable.nvidia\\.com/gpu}"
    assert own.kubectl("get", "node", "node-0", "-o", gpus).stdout == "1"


def test_up_again_restarts_nothing(own: Cluster) -> None:
    def configuration() -> dict[str, int]:
        """When each file of the daemons was written: kube-proxy, for one, ends once its own is written again."""
        records = (json.loads(file.read_text()) for file in own.state.daemons.glob("*.json"))
        files = [Path(file) for record in records for file in record["spec"]["files"]]
        return {str(file): file.stat().st_mtime_ns for file in files}

    pids = {name: own.daemons.pid(name) for name in own.daemons.names()}
    written = configuration()
    assert written
    own.up(FULL, 1)
    assert configuration() == written
    assert {name: own.daemons.pid(name) for name in own.daemons.names()} == pids


def test_a_second_one_with_real_nodes_is_refused(own: Cluster) -> None:
    with pytest.raises(DevclusterError, match="already runs real nodes"):
        Cluster("another").up(FULL, 1)
    assert "another" not in clusters()


def test_an_image_is_loaded_without_the_parts_the_node_has(
    own: Cluster, namespace: str, tmp_path: Path
) -> None:
    base_image.ensure()
    image_loader.load(own, BASE, None)
    name = f"localhost/devcluster-derived:{namespace}"
    build_derived(name, f"made for {namespace}\n", tmp_path)
    try:
        oci_layout.write(name, tmp_path / "layout", own.blobs())
        assert sum(file.stat().st_size for file in (tmp_path / "layout").rglob("*")) < 100_000
        image_loader.load(own, name, None)
    finally:
        buildah.run("rmi", name)
    own.kubectl(
        "run", "derived", "-n", namespace, f"--image={name}", "--restart=Never", "--command", "--",
        "cat", "/word",
    )  # fmt: skip
    phase = ("get", "pod", "derived", "-n", namespace, "-o", "jsonpath={.status.phase}")
    wait_until(lambda: own.kubectl(*phase).stdout == "Succeeded", "the pod has ended")
    assert own.kubectl("logs", "derived", "-n", namespace).stdout == f"made for {namespace}\n"
