"""An image of the builder as an OCI layout, less what its reader already holds."""

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from devcluster.host.errors import explain


def write(name: str, layout: Path, held: Mapping[str, int]) -> None:
    """Write an OCI layout; `held` (digest to size in bytes) names blobs to leave out of it."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    # A blob whose file is there is passed over, and only its size is looked at: sparse files stand
    # in for gigabytes that nobody has to read, hash and write again.
    stand_ins = {blobs / digest.removeprefix("sha256:"): size for digest, size in held.items()}
    for path, size in stand_ins.items():
        with path.open("wb") as file:
            file.truncate(size)
    # Compressing takes longer than writing a file that is gone in a minute, and would change the
    # digests; the builder's own `push` always compresses into a layout.
    plain = "--dest-oci-accept-uncompressed-layers"
    command = ["skopeo", "copy", "-q", plain, f"containers-storage:{name}", f"oci:{layout}:{name}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise explain(result, f"exporting {name}")
    for path in stand_ins:
        path.unlink()


def pack(layout: Path, archive: IO[bytes]) -> None:
    """Write a layout as an archive."""
    with tarfile.open(fileobj=archive, mode="w|", bufsize=1 << 20) as tar:
        tar.add(layout, ".")
