"""Builds what krew installs as `kubectl dpo`: an archive, and the manifest that names it.

krew installs single programs, and the command is a Python package: the archive holds a small program that runs the
installed package, or fetches it with uv (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import yaml

ARCHIVE = "kubectl-dpo.tar.gz"
MANIFEST = "dpo.yaml"
PROGRAM = """\
#!/bin/sh
# kubectl dpo: runs the Python package dpojob, the installed one or, by uv, that of this release.
self=$(readlink -f "$0")
IFS=:
for directory in $PATH; do
  found="$directory/kubectl-dpo"
  if [ -x "$found" ] && [ "$(readlink -f "$found")" != "$self" ]; then exec "$found" "$@"; fi
done
if command -v uv >/dev/null; then exec uv tool run --from "dpojob==VERSION" kubectl-dpo "$@"; fi
echo "kubectl dpo needs the Python package dpojob (pip install dpojob==VERSION) or uv" >&2
exit 2
"""
CAVEATS = """\
The plugin runs the Python package dpojob: the one that is installed, or by uv the one of this release.
`kubectl dpo --help` lists the commands.
"""
DESCRIPTION = """\
Makes DPOJobs from options, follows them, and fetches their reports and models; checks datasets and plans
before there is a job. Needs the DPOJob operator in the cluster.
"""


def archive(version: str) -> bytes:
    """Packs the program; the same version gives the same bytes.

    Args:
        version: The release without a leading "v".

    Returns:
        A gzipped tar archive.
    """
    program = PROGRAM.replace("VERSION", version).encode()
    license_ = (Path(__file__).resolve().parents[2] / "LICENSE").read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content, mode in (("kubectl-dpo", program, 0o755), ("LICENSE", license_, 0o644)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def manifest(tag: str, address: str, packed: bytes) -> dict[str, object]:
    """Describes the plugin for krew.

    Args:
        tag: The release's tag, such as "v0.1.0".
        address: Where the release's files are.
        packed: The archive.

    Returns:
        A Plugin manifest.
    """
    systems = {"key": "os", "operator": "In", "values": ["darwin", "linux"]}
    platform = {
        "selector": {"matchExpressions": [systems]},
        "uri": f"{address}/{ARCHIVE}",
        "sha256": hashlib.sha256(packed).hexdigest(),
        "files": [{"from": name, "to": "."} for name in ("kubectl-dpo", "LICENSE")],
        "bin": "kubectl-dpo",
    }
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "dpo"},
        "spec": {
            "version": tag,
            "homepage": address.partition("/releases/")[0],
            "shortDescription": "Tune models on preference pairs with DPOJobs",
            "description": DESCRIPTION,
            "caveats": CAVEATS,
            "platforms": [platform],
        },
    }


def write(tag: str, source: str, directory: Path) -> None:
    """Writes the archive and the manifest.

    Args:
        tag: The release's tag.
        source: The address of the repository, below whose releases/download krew finds the archive.
        directory: Where to write; must exist.
    """
    packed = archive(tag.removeprefix("v"))
    (directory / ARCHIVE).write_bytes(packed)
    described = manifest(tag, f"{source}/releases/download/{tag}", packed)
    (directory / MANIFEST).write_text(yaml.safe_dump(described, sort_keys=False))
