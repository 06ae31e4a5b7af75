"""Building our images, and putting them onto the nodes."""

import subprocess
import tempfile
from pathlib import Path

from devcluster.host import console, debian_packages
from devcluster.host.errors import DevclusterError
from devcluster.images import base_image, buildah, oci_layout, pip_index
from devcluster.kind_backend import AnyCluster

_CERTIFICATES = "/etc/ssl/certs"


def build(name: str, context: Path, file: Path, target: str | None, arguments: list[str]) -> None:
    """Build a Dockerfile. Layers that did not change come from the last build."""
    base = base_image.ensure()
    console.say(f"building the image {name}")
    with tempfile.TemporaryDirectory(prefix="dpojob-build-") as temporary:
        volumes = {_CERTIFICATES: Path(_CERTIFICATES)}
        volumes |= pip_index.write(Path(temporary))
        command = ["buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers"]
        for place, source in volumes.items():
            command += ["--volume", f"{source}:{place}:ro"]
        given = {argument.partition("=")[0] for argument in arguments}
        for argument in arguments + ([] if "BASE_IMAGE" in given else [f"BASE_IMAGE={base}"]):
            command += ["--build-arg", argument]
        if target:
            command += ["--target", target]
        command += ["--file", str(file), "--tag", name, str(context)]
        with console.heartbeat(f"building {name}"):
            # What the build says goes to the user as it comes.
            if subprocess.run(command, stdout=2, check=False).returncode:
                raise DevclusterError(f"building {name} from {file} failed; see above")


def build_base() -> str:
    """The base image alone."""
    return base_image.ensure()


def load(cluster: AnyCluster, name: str, archive: Path | None) -> None:
    """Put an image on every node: an archive, or what the builder has under that name."""
    if archive is not None:
        console.say(f"loading {name} ({_megabytes(archive)} MB)")
        with console.heartbeat(f"loading {name}"):
            cluster.load_archive(name, archive, str(archive.stat().st_mtime_ns))
        return
    debian_packages.ensure(debian_packages.IMAGES)
    identity = buildah.image_id(name)
    if identity is None:
        raise DevclusterError(f"the builder has no image {name!r}; `buildah images` lists them")
    if cluster.has_image(name, identity):
        console.say(f"{name} is on every node already")
        return
    with tempfile.TemporaryDirectory(prefix="export-", dir=cluster.scratch) as temporary:
        layout = Path(temporary, "layout")
        with console.heartbeat(f"exporting {name}"):
            oci_layout.write(name, layout, cluster.blobs())
        console.say(f"loading {name} ({_megabytes(*layout.rglob('*'))} MB)")
        with console.heartbeat(f"loading {name}"):
            cluster.load_layout(name, layout, identity)


def _megabytes(*files: Path) -> str:
    return f"{sum(file.stat().st_size for file in files if file.is_file()) / 1e6:.0f}"
