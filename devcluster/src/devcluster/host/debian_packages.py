"""Debian packages that a real node needs."""

import os
import shutil
import subprocess
from pathlib import Path

from devcluster.host import console
from devcluster.host.commands import run
from devcluster.host.errors import DevclusterError
from devcluster.host.locks import locked
from devcluster.host.paths import state_root

# A command or path that exists when the package is installed -> the package.
NODE = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "cc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
}
IMAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "skopeo": "skopeo"}


def _missing(wanted: dict[str, str]) -> list[str]:
    def is_installed(what: str) -> bool:
        return Path(what).exists() if what.startswith("/") else shutil.which(what) is not None

    return sorted({package for what, package in wanted.items() if not is_installed(what)})


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-q", *arguments, what=f"apt-get {' '.join(arguments)}", env=environment)


def update_lists() -> None:
    """Fetch apt's lists of packages, as root; without root nothing is done."""
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        with locked(state_root() / ".apt.lock", "it installs Debian packages"):
            _apt_get("update")


def ensure(wanted: dict[str, str]) -> None:
    """Install the packages that are missing."""
    if not _missing(wanted):
        return
    with locked(state_root() / ".apt.lock", "it installs Debian packages"):
        missing = _missing(wanted)
        if not missing:
            return
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise DevclusterError(f"these must be installed first: {', '.join(missing)}")
        console.log(f"installing {', '.join(missing)}")
        with console.heartbeat("installing packages"):
            _apt_get("update")
            _apt_get("install", "-y", "--no-install-recommends", *missing)
        if "containerd" in missing and Path("/run/systemd/system").exists():
            # The package starts a system service, which devcluster does not use.
            subprocess.run(
                ["systemctl", "disable", "--now", "containerd"], capture_output=True, check=False
            )
