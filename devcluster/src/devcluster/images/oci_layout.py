"""An image of the builder as an OCI layout, without the blobs that the reader already has."""

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from devcluster.host.commands import run


def write(name: str, layout: Path, held: Mapping[str, int]) -> None:
    """Write an OCI layout; `held` (digest to size in bytes) names blobs to leave out of it."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    # skopeo skips a blob whose file exists with the right size: sparse files take the place of
    # gigabytes that would be read, hashed and written again.
    placeholders = {blobs / digest.removeprefix("sha256:"): size for digest, size in held.items()}
    for path, size in placeholders.items():
        with path.open("wb") as file:
            file.truncate(size)
    # Compressing takes longer than writing a file that is gone in a minute, and would change the
    # digests; `buildah push` always compresses into a layout.
    plain = "--dest-oci-accept-uncompressed-layers"
    names = (f"containers-storage:{name}", f"oci:{layout}:{name}")
    run("skopeo", "copy", "-q", plain, *names, what=f"exporting {name}")
    for path in placeholders:
        path.unlink()


def pack(layout: Path, archive: IO[bytes]) -> None:
    """Write a layout as an archive."""
    with tarfile.open(fileobj=archive, mode="w|", bufsize=1 << 20) as tar:
        tar.add(layout, ".")
