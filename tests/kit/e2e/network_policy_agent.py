"""kube-network-policies of Kubernetes' SIG Network on the node: it enforces NetworkPolicies.

The kernel hands it the first packet of each connection in a netfilter queue, and it answers whether policies allow
the connection. It asks for that by nftables, for which a kernel needs CONFIG_NFT_QUEUE; the rules here do the same
by iptables, which every node of this machine has.
"""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tests.kit.waiting import wait_until

from devcluster.binaries import Recipe, installer
from devcluster.control_plane.addresses import POD_CIDR

AGENT = Recipe(
    name="kube-network-policies",
    version="v0.8.0",
    download=None,
    module="sigs.k8s.io/kube-network-policies",
    package="sigs.k8s.io/kube-network-policies/cmd",
)
IMAGE = f"localhost/{AGENT.name}:{AGENT.version}"
QUEUE = "98"
BOUND_QUEUES = Path("/proc/net/netfilter/nfnetlink_queue")
CHAIN = "DPOJOB-POLICIES"
"""With the prefix of the chains that `make down` removes."""
JUMP = ("POSTROUTING", "-j", CHAIN)
RULES = (
    ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "RETURN"),
    # The kubelet's probes, as the agent's own rules let them pass.
    ("-m", "owner", "--uid-owner", "0", "-j", "RETURN"),
    ("-s", POD_CIDR, "-j", "NFQUEUE", "--queue-num", QUEUE),
    ("-d", POD_CIDR, "-j", "NFQUEUE", "--queue-num", QUEUE),
)
DOCKERFILE = f"""\
FROM scratch
COPY {AGENT.name} /
ENTRYPOINT ["/{AGENT.name}"]
"""
MANIFEST = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {AGENT.name}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: agent, namespace: {AGENT.name}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {AGENT.name}}}
rules:
  - {{apiGroups: [""], resources: [pods, namespaces], verbs: [list, watch]}}
  - {{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {AGENT.name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {AGENT.name}}}
subjects: [{{kind: ServiceAccount, name: agent, namespace: {AGENT.name}}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: agent, namespace: {AGENT.name}}}
spec:
  hostNetwork: true
  serviceAccountName: agent
  containers:
    - name: agent
      image: {IMAGE}
      args: [--hostname-override=$(NODE), --nfqueue-id={QUEUE}, "--metrics-bind-address=127.0.0.1:0"]
      env: [{{name: NODE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}]
      securityContext: {{runAsUser: 0, capabilities: {{add: [NET_ADMIN]}}}}
"""


def _iptables(*arguments):
    command = ["iptables", "-w", "-t", "mangle", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _load_image(directory):
    from cluster_tools import devcluster

    shutil.copy(installer.install(AGENT), directory / AGENT.name)
    (directory / "Dockerfile").write_text(DOCKERFILE)
    file = str(directory / "Dockerfile")
    devcluster("build-image", str(directory), "-t", IMAGE, "-f", file, capture=False)
    devcluster("load-image", "--built", IMAGE, capture=False)


def _listens():
    return any(line.split()[0] == QUEUE for line in BOUND_QUEUES.read_text().splitlines())


@contextmanager
def enforced(kubectl, directory):
    """NetworkPolicies are enforced in the body, between all pods of the node.

    Args:
        kubectl: Of the cluster whose node this machine is.
        directory: An empty one.
    """
    _load_image(directory)
    kubectl("apply", "-f", "-", input=MANIFEST)
    try:
        wait_until(_listens, "the agent takes packets from its queue", 300)
        _iptables("-N", CHAIN)
        for rule in RULES:
            _iptables("-A", CHAIN, *rule)
        _iptables("-I", *JUMP)
        yield
    finally:
        for arguments in (("-D", *JUMP), ("-F", CHAIN), ("-X", CHAIN)):
            subprocess.run(["iptables", "-w", "-t", "mangle", *arguments], check=False)
        kubectl("delete", "-f", "-", "--wait=false", input=MANIFEST)
