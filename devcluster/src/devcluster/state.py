"""The state of one cluster on disk, kept between two commands."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devcluster.host import ports
from devcluster.host.errors import DevclusterError
from devcluster.host.locks import locked
from devcluster.host.paths import runtime_root, state_root

FULL = "full"
CONTROL_PLANE = "control-plane"
MODES = (FULL, CONTROL_PLANE)

_PORTS = (
    *("apiserver", "etcd", "etcd-peer", "kube-controller-manager", "kube-scheduler"),
    *("kwok", "dns-health"),
)


@dataclass
class ClusterRecord:
    """The content of `cluster.json`."""

    name: str
    mode: str
    nodes: int
    ports: dict[str, int]
    owner: str = ""
    """`pid:start time` of the test run that this cluster belongs to; `sweep` takes it down when that process is gone."""
    gpus: dict[str, dict[str, int]] = field(default_factory=dict)
    """Extended resources by node, set again after a kubelet restarts without them."""
    sysctls: dict[str, str] = field(default_factory=dict)
    """Kernel settings as they were before, to be restored."""


class State:
    """The directory of one cluster."""

    def __init__(self, name: str) -> None:
        if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
            raise DevclusterError(f"{name!r} is no name for a cluster: letters, digits and dashes")
        self.name = name
        self.directory = state_root() / name
        self.file = self.directory / "cluster.json"
        self.kubeconfig = self.directory / "kubeconfig"
        self.certificates = self.directory / "certificates"
        self.bin = self.directory / "bin"
        self.daemons = self.directory / "daemons"
        self.audit_policy = self.directory / "audit-policy.json"
        self.audit_log = self.directory / "audit.log"
        self.volumes = self.directory / "volumes"
        self.images = self.directory / "images"
        """Containerd's stores: kept by `down`, so that images need no second import."""
        self.runtime = runtime_root() / name

    @property
    def lock(self) -> Path:
        """Held while this cluster is changed; outside the directory, since `down` deletes that."""
        return state_root() / f".{self.name}.lock"

    def exists(self) -> bool:
        """Whether the cluster was started and not taken down."""
        return self.file.exists()

    def load(self) -> ClusterRecord:
        """Read `cluster.json`; DevclusterError when there is no such cluster."""
        try:
            return ClusterRecord(**json.loads(self.file.read_text()))
        except FileNotFoundError:
            raise DevclusterError(
                f"there is no cluster {self.name!r}; `python -m devcluster up` starts one"
            ) from None

    def save(self, record: ClusterRecord) -> None:
        """Write it atomically."""
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(record), indent=1) + "\n")
        temporary.replace(self.file)

    def create(self, mode: str, nodes: int, owner: str) -> ClusterRecord:
        """Record a new cluster with ports that no other cluster uses."""
        with locked(state_root() / ".ports.lock", "it chooses ports"):
            chosen = ports.choose(_PORTS, state_root())
            record = ClusterRecord(
                name=self.name, mode=mode, nodes=nodes, ports=chosen, owner=owner
            )
            self.save(record)
        return record

    def remove(self, *, images: bool) -> None:
        """Delete the directory; the image store only when asked."""
        # Deleted last, so that an interrupted `down` can be continued.
        keep = {self.file} if images else {self.file, self.images}
        for path in self.directory.glob("*"):
            if path not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.file.unlink(missing_ok=True)
        if not any(self.directory.glob("*")):
            shutil.rmtree(self.directory, ignore_errors=True)


def clusters() -> list[str]:
    """The names of all clusters that were started and not taken down."""
    return sorted(path.parent.name for path in state_root().glob("*/cluster.json"))


def clusters_with_data() -> list[str]:
    """The names of all clusters with any data on disk, also of those with only an image store."""
    stores = {path.parent.name for path in state_root().glob("*/images")}
    return sorted(stores.union(clusters()))
