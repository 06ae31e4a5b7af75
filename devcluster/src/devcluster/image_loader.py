"""Loading an image onto every node of a cluster."""

import tempfile
from pathlib import Path

from devcluster.host import console, debian_packages
from devcluster.host.errors import DevclusterError
from devcluster.images import buildah, oci_layout
from devcluster.kind_backend import AnyCluster, KindCluster


def load(cluster: AnyCluster, name: str, archive: Path | None) -> None:
    """Load an image onto every node, from an archive or from the store of the local builder."""
    if archive is not None:
        console.log(f"loading {name} ({_megabytes(archive)} MB)")
        with console.heartbeat(f"loading {name}"):
            cluster.load_archive(name, archive, str(archive.stat().st_mtime_ns))
        return
    if isinstance(cluster, KindCluster):
        with console.heartbeat(f"loading {name}"):
            cluster.load_built(name)
        return
    debian_packages.ensure(debian_packages.IMAGES)
    identity = buildah.image_id(name)
    if identity is None:
        raise DevclusterError(f"the builder has no image {name!r}; `buildah images` lists them")
    if cluster.has_image(name, identity):
        console.log(f"{name} is on every node already")
        return
    with tempfile.TemporaryDirectory(prefix="export-", dir=cluster.scratch) as temporary:
        layout = Path(temporary, "layout")
        with console.heartbeat(f"exporting {name}"):
            oci_layout.write(name, layout, cluster.blobs())
        console.log(f"loading {name} ({_megabytes(*layout.rglob('*'))} MB)")
        with console.heartbeat(f"loading {name}"):
            cluster.load_layout(name, layout, identity)


def _megabytes(*files: Path) -> str:
    return f"{sum(file.stat().st_size for file in files if file.is_file()) / 1e6:.0f}"
