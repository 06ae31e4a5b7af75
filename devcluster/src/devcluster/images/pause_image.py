"""The image of the process that holds a pod's namespaces, made here: no registry is needed."""

import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

from devcluster.binaries.build_recipes import ARCHITECTURE
from devcluster.host.commands import run

IMAGE = "localhost/dpojob-pause:1"

# As the first process of the pod it must reap orphans and exit on SIGTERM.
_SOURCE = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, 0, WNOHANG) > 0) {} }

int main(void) {
    signal(SIGINT, leave);
    signal(SIGTERM, leave);
    signal(SIGCHLD, reap);
    for (;;) pause();
}
"""


def _compile() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        source, binary = Path(directory, "pause.c"), Path(directory, "pause")
        source.write_text(_SOURCE)
        command = ["cc", "-Os", "-static", "-s", "-o", str(binary), str(source)]
        run(*command, what="compiling the pause program")
        return binary.read_bytes()


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive(target: Path) -> Path:
    """Write the image as an OCI archive."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    kind = "application/vnd.oci.image"
    layer = blob(_tar({"pause": _compile()}), f"{kind}.layer.v1.tar")
    image = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    config = blob(json.dumps(image).encode(), f"{kind}.config.v1+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": config,
        "layers": [layer],
    }
    entry = blob(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": IMAGE}
    index = {"schemaVersion": 2, "manifests": [entry]}
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **blobs,
    }
    target.write_bytes(_tar(files))
    return target
