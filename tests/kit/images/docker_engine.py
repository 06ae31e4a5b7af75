"""A Docker engine of Debian's packages, unpacked instead of installed: the machine keeps none of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.waiting import wait_until

from devcluster.host import debian_packages
from devcluster.host.errors import DevclusterError
from devcluster.host.locks import locked
from devcluster.host.paths import cache_dir
from devcluster.images import apt_sources, base_image, pip_index
from devcluster.versions import DEBIAN_RELEASE

PACKAGES = ("docker.io", "libdevmapper1.02.1")
PROGRAMS = {"containerd": "containerd", "runc": "runc", **debian_packages.IMAGES}
"""What they and the base image need besides."""
BASE = "localhost/dpojob-base-with-settings:1"
"""The base image in the engine: devcluster's, with this machine's certificates and its package indexes."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class NoEngine(Exception):
    """A Docker engine cannot run here; the message says why."""


class DockerEngine:
    """A running engine. Builds have to name the host's network, as there is no other one."""

    def __init__(self, client: Path, directory: Path) -> None:
        self._client = client
        self.environment = {
            **os.environ, "DOCKER_HOST": f"unix://{directory / 'socket'}", "DOCKER_BUILDKIT": "1",
            "DOCKER_CONFIG": str(directory / "client"),
        }  # fmt: skip
        self.environment.pop("DOCKER_CONTEXT", None)

    def attempt(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The result of a command of the client, with both streams as one."""
        return subprocess.run(
            [self._client, *arguments], env=self.environment, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __call__(self, *arguments: str | Path) -> str:
        """The output of a command that succeeds."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"docker {arguments}\n{done.stdout[-4000:]}"
        return done.stdout

    def load_base(self) -> None:
        """Makes BASE of devcluster's base image, which needs no registry."""
        name = base_image.ensure()
        with tempfile.TemporaryDirectory() as temporary:
            context = Path(temporary, "context")
            context.mkdir()
            archive = Path(temporary, "base.tar")
            copy = [
                "skopeo",
                "copy",
                "-q",
                f"containers-storage:{name}",
                f"docker-archive:{archive}:{name}",
            ]
            subprocess.run(copy, check=True)
            self("load", "--input", archive)
            shutil.copy(CERTIFICATES, context / "certificates")
            lines = [f"FROM {name}", f"COPY certificates {CERTIFICATES}"]
            for place, directory in (pip_index.write(context) | apt_sources.write(context)).items():
                lines.append(f"COPY {directory.relative_to(context)} {place}/")
            (context / "Dockerfile").write_text("\n".join(lines) + "\n")
            self("build", "--network", "host", "--tag", BASE, context)


@contextmanager
def docker_engine() -> Iterator[DockerEngine]:
    """Runs an engine whose data goes with it.

    Yields:
        The engine.

    Raises:
        NoEngine: It cannot run here.
    """
    if os.geteuid() != 0:
        raise NoEngine("a Docker engine runs as root")
    try:
        debian_packages.ensure(PROGRAMS)
        root = _unpacked()
    except (DevclusterError, OSError, subprocess.CalledProcessError) as error:
        raise NoEngine(f"Debian's packages of Docker cannot be had: {error}") from error
    # Short, since a socket's path may have 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="dpojob-docker-"))
    log = directory / "log"
    command = [
        root / "usr/sbin/dockerd", "--host", f"unix://{directory / 'socket'}", "--data-root", directory / "data",
        "--exec-root", directory / "run", "--pidfile", directory / "pid", "--config-file", directory / "daemon.json",
        # The packet filter and the links of the machine stay as they are.
        "--iptables=false", "--ip6tables=false", "--bridge=none",
    ]  # fmt: skip
    libraries = ":".join(str(path.parent) for path in root.rglob("libdevmapper.so*"))
    # The engine's key is in /etc/docker unless this names another file.
    settings = {"deprecated-key-path": str(directory / "key.json")}
    (directory / "daemon.json").write_text(json.dumps(settings))
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
            )  # fmt: skip
        try:
            engine = DockerEngine(root / "usr/bin/docker", directory)
            wait_until(
                lambda: process.poll() is not None or engine.attempt("info").returncode == 0,
                "the Docker engine answers",
            )
            if process.poll() is not None:
                raise NoEngine(f"dockerd ended: {log.read_text()[-1500:]}")
            yield engine
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    finally:
        shutil.rmtree(directory)


def _unpacked() -> Path:
    """The directory with the packages' files, in the cache."""
    target = cache_dir() / f"docker-engine-{DEBIAN_RELEASE}"
    with locked(cache_dir() / f".{target.name}.lock", "it fetches the packages of Docker"):
        if not target.exists():
            debian_packages.update_lists()
            with tempfile.TemporaryDirectory(dir=cache_dir()) as temporary:
                subprocess.run(["apt-get", "-q", "download", *PACKAGES], cwd=temporary, check=True)
                root = Path(temporary, "root")
                for package in Path(temporary).glob("*.deb"):
                    subprocess.run(["dpkg-deb", "-x", package, root], check=True)
                root.rename(target)
    return target
