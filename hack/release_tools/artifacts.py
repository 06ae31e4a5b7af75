"""What a release publishes besides the images: wheels, chart, SBOMs, kubectl plugin, notes and checksums.

OUT/wheels/          a wheel of each published package
OUT/simple/          a package index (PEP 503) of them: `pip install --extra-index-url` reads it from any web server
OUT/dpojob-V.tgz     the chart
OUT/sbom/            what each image's lock installs, as CycloneDX
OUT/kubectl-dpo.tar.gz and OUT/dpo.yaml   what krew installs
OUT/notes.md         the section of the changelog
OUT/SHA256SUMS       of all files above but the index, for `sha256sum --check`
"""

from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
from pathlib import Path

from cluster_tools import ROOT, devcluster, run

from . import krew_plugin, versions

SUMS = "SHA256SUMS"
LOCKS = {"operator": "operator", "inspect": "trainer-image", "trainer": "trainer-image"}
"""The lock of each image, and the package whose pyproject.toml names what the image holds."""


def build(tag: str, directory: Path, source: str) -> None:
    """Builds everything but the images.

    Args:
        tag: The tag, such as `v0.1.0`; the checkout must be ready for it.
        directory: Where to write; must be empty or absent.
        source: The address of the repository, below whose releases/download krew finds the plugin.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        sys.exit(f"release: {directory} is not empty")
    build_wheels(directory / "wheels")
    write_index(directory / "wheels", directory / "simple")
    run(helm(), "package", "charts/dpojob", "--destination", str(directory.resolve()))
    write_sboms(directory / "sbom")
    krew_plugin.write(tag, source, directory)
    notes = versions.changelog_section(ROOT, tag.removeprefix("v"))
    (directory / "notes.md").write_text(notes)
    write_checksums(directory)


def build_wheels(directory: Path) -> None:
    """Builds a wheel of each published package."""
    for package in versions.PACKAGES:
        run(
            str(ROOT / "hack/uv"), "build", "--quiet", "--wheel", "--out-dir",
            str(directory.resolve()), str(ROOT / package),
        )  # fmt: skip
    (directory / ".gitignore").unlink()  # uv writes it


def write_index(wheels: Path, index: Path) -> None:
    """Writes a package index (PEP 503) of a directory's wheels into a directory beside it."""
    index.mkdir()
    names = set()
    for wheel in sorted(wheels.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        names.add(name)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        page = index / name / "index.html"
        page.parent.mkdir(exist_ok=True)
        with page.open("a") as file:
            shown = html.escape(wheel.name)
            file.write(f'<a href="../../{wheels.name}/{shown}#sha256={digest}">{shown}</a>\n')
    (index / "index.html").write_text(
        "".join(f'<a href="{name}/">{name}</a>\n' for name in sorted(names))
    )


def write_sboms(directory: Path) -> None:
    """Writes a CycloneDX file of each image's lock. The same lock gives the same bytes."""
    directory.mkdir()
    for image, package in LOCKS.items():
        run(
            str(Path(sys.executable).parent / "cyclonedx-py"), "requirements", f"locks/{image}.txt",
            "--pyproject", f"{package}/pyproject.toml", "--output-reproducible", "--no-validate",
            "--output-file", str((directory / f"{image}.cdx.json").resolve()),
        )  # fmt: skip


def write_checksums(directory: Path) -> None:
    """Writes SHA256SUMS over a directory's files, the package index excepted."""
    files = sorted(
        path.relative_to(directory)
        for path in directory.rglob("*")
        if path.is_file() and path.relative_to(directory).parts[0] != "simple"
    )
    (directory / SUMS).write_text(
        "".join(
            f"{hashlib.sha256((directory / file).read_bytes()).hexdigest()}  {file}\n"
            for file in files
        )
    )


def push_chart(directory: Path, registry: str) -> str:
    """Pushes the chart of a build to an OCI registry.

    Args:
        directory: Where `build` wrote.
        registry: Such as `oci://ghcr.io/org/charts`; one on the loopback address is spoken to without TLS.

    Returns:
        The chart's reference with its digest, as cosign signs it.
    """
    (chart,) = directory.glob("dpojob-*.tgz")
    done = subprocess.run(
        [helm(), "push", str(chart), registry, *plain_http(registry)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    digest = re.search(r"^Digest: (\S+)$", done.stderr, re.MULTILINE)
    if done.returncode or not digest:
        sys.exit(f"release: helm push of {chart} failed\n{done.stdout}{done.stderr}")
    return f"{registry.removeprefix('oci://')}/dpojob@{digest[1]}"


def plain_http(registry: str) -> list[str]:
    """Helm's option for a registry on the loopback address, which has no certificate."""
    return ["--plain-http"] if registry.startswith("oci://127.0.0.1:") else []


def helm() -> str:
    """The path of the pinned Helm."""
    return devcluster("bin", "helm").strip()
