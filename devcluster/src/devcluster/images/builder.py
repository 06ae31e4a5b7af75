"""Building a Dockerfile of this repository with buildah, on the cached base image."""

import subprocess
import tempfile
from pathlib import Path

from devcluster.host import console
from devcluster.host.errors import DevclusterError
from devcluster.images import apt_sources, base_image, pip_index

_CERTIFICATES = "/etc/ssl/certs"


def build(name: str, context: Path, file: Path, target: str | None, arguments: list[str]) -> None:
    """Build a Dockerfile. Layers that did not change come from the last build."""
    base = base_image.ensure()
    console.log(f"building the image {name}")
    with tempfile.TemporaryDirectory(prefix="dpojob-build-") as temporary:
        volumes = {_CERTIFICATES: Path(_CERTIFICATES)}
        volumes |= pip_index.write(Path(temporary))
        names = {argument.partition("=")[0] for argument in arguments}
        if "BASE_IMAGE" not in names:
            arguments = [*arguments, f"BASE_IMAGE={base}"]
        if f"BASE_IMAGE={base}" in arguments:
            volumes |= apt_sources.write(Path(temporary))
        command = ["buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers"]
        for place, source in volumes.items():
            command += ["--volume", f"{source}:{place}:ro"]
        for argument in arguments:
            command += ["--build-arg", argument]
        if target:
            command += ["--target", target]
        command += ["--file", str(file), "--tag", name, str(context)]
        with console.heartbeat(f"building {name}"):
            # The output of the build is shown to the user as it is printed.
            if subprocess.run(command, stdout=2, check=False).returncode:
                raise DevclusterError(f"building {name} from {file} failed; see above")
