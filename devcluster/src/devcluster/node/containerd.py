"""A containerd for one node, apart from the system's containerd and its directories."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import IO

from devcluster.host import mounts
from devcluster.host.commands import run
from devcluster.host.errors import explain
from devcluster.host.processes import Daemon, start_time
from devcluster.images import oci_layout, outdated, pause_image

_NAMESPACE = "k8s.io"
_SHARED = Path("/run/containerd")
_CNI_RESULTS = Path("/var/lib/cni/results")


class Containerd:
    """One instance; images are stored in `images`, everything else in `directory` and `runtime`."""

    def __init__(self, daemon_name: str, directory: Path, runtime: Path, images: Path) -> None:
        self.daemon_name = daemon_name
        self.directory = directory
        self.runtime = runtime
        self.images = images
        self.cni = directory / "cni"
        self.socket = runtime / "containerd.sock"

    def _configuration(self) -> str:
        # Overlay on overlay (a container as the machine) does not work; copying does.
        snapshotter = "native" if mounts.filesystem(self.images) == "overlayfs" else "overlayfs"
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        return f"""version = 2
root = {json.dumps(str(self.images))}
state = {json.dumps(str(self.runtime / "containerd"))}
[grpc]
  address = {json.dumps(str(self.socket))}
[plugins."io.containerd.internal.v1.opt"]
  path = {json.dumps(str(self.directory / "opt"))}
{cri}]
  sandbox_image = "{pause_image.IMAGE}"
  # Without CAP_SYS_RESOURCE a lower score is refused, and then no sandbox starts at all.
  restrict_oom_score_adj = true
  # Below the cluster's directory, so that leftovers can be removed safely.
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
{cri}.containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"
{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
{cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
{cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = {json.dumps(str(self.cni))}
"""

    def daemon(self) -> Daemon:
        """The process and its configuration."""
        for path in (self.directory, self.runtime, self.images):
            path.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "containerd.toml"
        command = ["containerd", "--config", str(configuration), "--log-level", "warn"]
        files = {str(configuration): self._configuration()}
        return Daemon(self.daemon_name, command, ready=self.serves, files=files)

    def serves(self) -> bool:
        """Whether it answers."""
        return self.socket.exists() and self._ctr("version").returncode == 0

    def _command(self, *arguments: str) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", _NAMESPACE, *arguments]

    def _ctr(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = self._command(*arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def has_image(self, name: str) -> bool:
        """Whether an image of that name is there."""
        return bool(self._ctr("images", "ls", "-q", f"name=={name}").stdout.strip())

    def blobs(self) -> dict[str, int]:
        """Digest and size in bytes of everything images are made of."""
        store = self.images / "io.containerd.content.v1.content" / "blobs"
        found = {}
        for line in self._ctr("content", "ls").stdout.splitlines()[1:]:
            digest = line.split()[0]
            with suppress(FileNotFoundError):  # containerd has collected it since it was listed
                found[digest] = store.joinpath(*digest.split(":")).stat().st_size
        return found

    def load(self, archive: Path) -> None:
        """Import an archive and unpack it; blobs that are here already may be missing from it."""
        with archive.open("rb") as file:
            self._import(archive.name, lambda pipe: shutil.copyfileobj(file, pipe, 1 << 20))

    def load_layout(self, layout: Path) -> None:
        """The same of an OCI layout."""
        self._import(layout.name, lambda pipe: oci_layout.pack(layout, pipe))

    def _import(self, name: str, write: Callable[[IO[bytes]], None]) -> None:
        snapshotter = "native" if mounts.filesystem(self.images) == "overlayfs" else "overlayfs"
        command = self._command("images", "import", "--snapshotter", snapshotter, "-")
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            # ctr exits early when it rejects its input; the reason is on its standard error.
            with suppress(BrokenPipeError), process.stdin as pipe:
                write(pipe)
            stderr = process.stderr.read().decode(errors="replace")
        if process.returncode:
            result = subprocess.CompletedProcess(command, process.returncode, "", stderr)
            raise explain(result, f"importing {name}")

    def load_pause(self) -> None:
        """The image of every pod's first process."""
        if not self.has_image(pause_image.IMAGE):
            file = pause_image.archive(self.directory / "pause.tar")
            self.load(file)
            file.unlink()

    def remove_outdated_images(self, kept: Collection[str]) -> None:
        """Remove other images of the same repositories, and their files. Call it when no container is left."""
        rows = (line.split() for line in self._ctr("images", "ls").stdout.splitlines()[1:])
        references = outdated.outdated_references({row[0]: row[2] for row in rows}, kept)
        if references:
            command = self._command("images", "rm", "--sync", *references)
            run(*command, what="removing outdated images")

    def remove_containers(self) -> None:
        """Remove every container, so that only images are left for the next start."""
        for task in self._ctr("tasks", "ls", "-q").stdout.split():
            self._ctr("tasks", "delete", "--force", task)
        for container in self._ctr("containers", "ls", "-q").stdout.split():
            self._ctr("containers", "rm", container)

    def kill_shims(self) -> None:
        """End the processes that hold containers; they outlive containerd by design."""
        deadline = time.monotonic() + 10
        while (pids := self._shims()) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _shims(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                command = path.read_bytes().decode(errors="replace").split("\0")
                is_shim = "containerd-shim" in command[0] and str(self.socket) in command
                if is_shim and start_time(int(path.parent.name)) is not None:
                    found.append(int(path.parent.name))
        return found

    def remove_leftovers(self) -> None:
        """Remove what is left of containers, here and in places shared by the whole machine.

        Call it when nothing runs any more and nothing is mounted.
        """
        records = self.images / "io.containerd.grpc.v1.cri"
        for record in (*records.glob("sandboxes/*"), *records.glob("containers/*")):
            shutil.rmtree(_SHARED / "runc" / _NAMESPACE / record.name, ignore_errors=True)
            for result in _CNI_RESULTS.glob(f"*-{record.name}-*"):
                result.unlink(missing_ok=True)
        shutil.rmtree(records, ignore_errors=True)
        # Shims keep their sockets in one directory for the whole machine.
        listening = Path("/proc/net/unix").read_text()
        for path in (_SHARED / "s").glob("*"):
            if str(path) not in listening:
                path.unlink(missing_ok=True)
        for directory in (
            *(_SHARED / "s", _SHARED / "runc" / _NAMESPACE, _SHARED / "runc", _SHARED),
            *(_CNI_RESULTS, _CNI_RESULTS.parent),
        ):
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()
