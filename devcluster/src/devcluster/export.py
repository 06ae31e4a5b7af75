"""An image of the builder as an archive, less what its reader already holds."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

from devcluster import buildah


def write(name: str, archive: Path, held: Mapping[str, int]) -> None:
    """Write an OCI archive; `held` (digest to size in bytes) names blobs to leave out of it."""
    layout = archive.with_suffix(".layout")
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    # The builder passes over a blob whose file is there, and looks only at its size: sparse files
    # stand in for gigabytes that nobody has to read, hash and write again.
    stand_ins = {blobs / digest.removeprefix("sha256:"): size for digest, size in held.items()}
    for path, size in stand_ins.items():
        with path.open("wb") as file:
            file.truncate(size)
    # Compressing takes longer than writing a file that is gone in a minute.
    buildah.run("push", "--quiet", "--disable-compression", name, f"oci:{layout}:{name}")
    with tarfile.open(archive, "w") as tar:
        for path in sorted(layout.rglob("*")):
            if path.is_file() and path not in stand_ins:
                tar.add(path, str(path.relative_to(layout)))
                path.unlink()
