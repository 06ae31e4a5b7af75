"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of the host."""

import socket
from pathlib import Path

from devcluster.control_plane import addresses, audit, kubeconfig
from devcluster.control_plane.api_client import Api
from devcluster.control_plane.certificates import Authority, KeyPair
from devcluster.host.processes import Daemon, Daemons
from devcluster.state import FULL, ClusterRecord, State

# A control plane without nodes has no address that pods could reach. This one is reserved for
# documentation; the API server requires an address that is not a loopback address.
_UNREACHABLE_ADDRESS = "198.51.100.1"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ControlPlane:
    """Starts the four components and issues credentials."""

    def __init__(
        self,
        state: State,
        record: ClusterRecord,
        binaries: dict[str, Path],
        audit_mib: int = audit.LOG_MIB,
    ) -> None:
        """`audit_mib`: size in MiB at which the API server, where this starts it, rotates its audit log."""
        self.state = state
        self.record = record
        self.binaries = binaries
        self.audit_mib = audit_mib
        self.daemons = Daemons(state.daemons)
        self.authority = Authority(state.certificates)
        self.server = f"https://127.0.0.1:{record.ports['apiserver']}"
        self.advertised = addresses.node_ip(0) if record.mode == FULL else _UNREACHABLE_ADDRESS

    def admin(self) -> KeyPair:
        """The user of the cluster, who may do anything."""
        return self.authority.issue("admin", "devcluster-admin", "system:masters")

    def api(self) -> Api:
        """A client of the API server with the administrator's credentials."""
        return Api.with_certificate(
            self.record.ports["apiserver"], self.authority.certificate, self.admin()
        )

    def credentials(self, name: str, user: str, group: str = "") -> Path:
        """A kubeconfig for a component."""
        return kubeconfig.write(
            self.state.certificates / f"{name}.kubeconfig",
            name=name,
            server=self.server,
            authority=self.authority.certificate,
            client=self.authority.issue(name, user, group),
        )

    def _etcd(self) -> Daemon:
        url = f"http://127.0.0.1:{self.record.ports['etcd']}"
        peer = f"http://127.0.0.1:{self.record.ports['etcd-peer']}"
        return Daemon(
            "etcd",
            [
                str(self.binaries["etcd"]),
                f"--data-dir={self.state.directory / 'etcd'}",
                f"--listen-client-urls={url}",
                f"--advertise-client-urls={url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                # A killed process loses nothing by this, only a power cut does.
                "--unsafe-no-fsync",
                "--auto-compaction-mode=periodic",
                "--auto-compaction-retention=10m",
                "--quota-backend-bytes=8589934592",
                "--log-level=warn",
            ],
            ready=lambda: _listens(self.record.ports["etcd"]),
        )

    def _apiserver(self, api: Api) -> Daemon:
        hosts = (
            *("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
            *("kubernetes.default.svc.cluster.local", "127.0.0.1"),
            *(addresses.API_SERVICE_IP, self.advertised),
        )
        serving = self.authority.issue("kube-apiserver", "kube-apiserver", "", hosts)
        kubelet = self.authority.issue("apiserver-kubelet", "apiserver-kubelet", "system:masters")
        tokens = self.authority.signing_key()
        ca = self.authority.certificate
        full = self.record.mode == FULL
        return Daemon(
            "kube-apiserver",
            [
                str(self.binaries["kube-apiserver"]),
                f"--etcd-servers=http://127.0.0.1:{self.record.ports['etcd']}",
                f"--bind-address={'0.0.0.0' if full else '127.0.0.1'}",
                f"--secure-port={self.record.ports['apiserver']}",
                f"--advertise-address={self.advertised}",
                f"--client-ca-file={ca}",
                f"--tls-cert-file={serving.certificate}",
                f"--tls-private-key-file={serving.key}",
                f"--kubelet-client-certificate={kubelet.certificate}",
                f"--kubelet-client-key={kubelet.key}",
                f"--kubelet-certificate-authority={ca}",
                # By address: so no node name has to resolve on this machine.
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={tokens}",
                f"--service-account-signing-key-file={tokens}",
                f"--service-cluster-ip-range={addresses.SERVICE_CIDR}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--allow-privileged=true",
                *audit.flags(self.state.audit_policy, self.state.audit_log, self.audit_mib),
            ],
            ready=api.ready,
        )

    def _controller_manager(self) -> Daemon:
        pair = self.authority.pair
        return self._api_client_daemon(
            "kube-controller-manager",
            f"--root-ca-file={pair.certificate}",
            f"--service-account-private-key-file={self.authority.signing_key()}",
            f"--cluster-signing-cert-file={pair.certificate}",
            f"--cluster-signing-key-file={pair.key}",
            "--use-service-account-credentials=true",
        )

    def _scheduler(self) -> Daemon:
        return self._api_client_daemon("kube-scheduler")

    def _api_client_daemon(self, name: str, *flags: str) -> Daemon:
        credentials = self.credentials(name, f"system:{name}")
        return Daemon(
            name,
            [
                str(self.binaries[name]),
                f"--kubeconfig={credentials}",
                f"--authentication-kubeconfig={credentials}",
                f"--authorization-kubeconfig={credentials}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.record.ports[name]}",
                "--leader-elect=false",
                # The default of 20 would be what a benchmark measures.
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
                *flags,
            ],
            ready=lambda: _listens(self.record.ports[name]),
        )

    def start_server(self) -> Api:
        """etcd and the API server, until that answers."""
        api = self.api()
        etcd, server = self._etcd(), self._apiserver(api)
        self.daemons.start(etcd)
        self.daemons.wait(etcd)
        self.daemons.start(server)
        self.daemons.wait(server, etcd)
        kubeconfig.write(
            self.state.kubeconfig,
            name=f"dpojob-{self.state.name}",
            server=self.server,
            authority=self.authority.certificate,
            client=self.admin(),
        )
        return api

    def start_controllers(self) -> None:
        """The controllers and the scheduler."""
        daemons = [self._controller_manager(), self._scheduler()]
        for daemon in daemons:
            self.daemons.start(daemon)
        for daemon in daemons:
            self.daemons.wait(daemon)
