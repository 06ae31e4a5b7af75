"""The base of our images: Debian with Python, made by debootstrap, so that no registry is needed."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from devcluster.host import console, debian_packages, mounts
from devcluster.host.commands import run
from devcluster.host.errors import DevclusterError, explain
from devcluster.host.locks import locked
from devcluster.host.paths import cache_dir
from devcluster.images import buildah
from devcluster.versions import DEBIAN_RELEASE

NAME = f"localhost/dpojob-base:{DEBIAN_RELEASE}"
LABEL = "dev.dpojob.base"
"""Images that are built on it have this label, too."""
_INCLUDE = "python3,python3-venv,ca-certificates"
# Where this machine's settings for pip and uv are mounted during a build: being there already,
# they leave no trace in the images.
MOUNT_POINTS = ("etc/xdg/pip", "etc/uv")
_EXCLUDED_PATHS = (
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/lib/apt/lists/*_*",
    "var/log/*.log",
    "var/log/apt/*",
    "dev/*",
    # The mirror may be private to this machine.
    "etc/apt/sources.list",
    "etc/hostname",
    "etc/resolv.conf",
)
# SSL_CERT_FILE: uv bundles certificates; here it must trust what the image trusts, which
# during a build is what the machine trusts.
_DOCKERFILE = """FROM scratch
ADD root.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
CMD ["/usr/bin/python3"]
"""
_RECIPE = "\n".join((DEBIAN_RELEASE, _INCLUDE, *MOUNT_POINTS, *_EXCLUDED_PATHS, _DOCKERFILE))


def _archive() -> Path:
    key = hashlib.sha256(_RECIPE.encode()).hexdigest()[:12]
    return cache_dir() / "images" / f"base-{DEBIAN_RELEASE}-{key}.oci.tar"


def _mirror() -> list[str]:
    """The mirror that this machine installs from; empty for debootstrap's default."""
    show = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"]
    result = subprocess.run(show, capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines():
        release, _, site = line.partition(" ")
        if release == DEBIAN_RELEASE and site.startswith("http"):
            return [site]
    return []


def ensure() -> str:
    """Make the base image or take it from the cache; its name in the builder's store."""
    debian_packages.ensure(debian_packages.IMAGES)
    archive = _archive()
    with locked(archive.with_name(".base.lock"), "it makes the base image"):
        if not archive.exists():
            _bootstrap(archive)
        if buildah.label(NAME, LABEL) != archive.stem:
            console.log("taking the base image from the cache")
            buildah.run("pull", "--quiet", f"oci-archive:{archive}:{NAME}")
    return NAME


def _bootstrap(archive: Path) -> None:
    console.log("making the base image with debootstrap (about two minutes, the first time)")
    with tempfile.TemporaryDirectory(prefix="base-", dir=cache_dir()) as temporary:
        root = Path(temporary, "root")
        try:
            _install(root)
        finally:
            # Before anything is deleted: it mounts /proc inside.
            mounts.unmount(root)
        for pattern in _EXCLUDED_PATHS:
            for path in root.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for point in MOUNT_POINTS:
            (root / point).mkdir(parents=True, exist_ok=True)
        context = Path(temporary, "context")
        context.mkdir()
        layer = context / "root.tar"
        pack = ["tar", "--numeric-owner", "-C", str(root), "-cf", str(layer), "."]
        run(*pack, what="packing the base image")
        label = f'LABEL {LABEL}="{archive.stem}"\n'
        (context / "Dockerfile").write_text(_DOCKERFILE + label)
        buildah.run("bud", "--isolation", "chroot", "--tag", NAME, str(context))
        unfinished = archive.with_suffix(".new")
        buildah.run("push", "--quiet", NAME, f"oci-archive:{unfinished}:{NAME}")
        unfinished.replace(archive)


def _install(root: Path) -> None:
    variant = ["--variant=minbase", f"--include={_INCLUDE}"]
    command = ["debootstrap", *variant, DEBIAN_RELEASE, str(root), *_mirror()]
    with console.heartbeat("debootstrap"):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        log = root / "debootstrap/debootstrap.log"
        tail = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
        raise DevclusterError("\n".join([str(explain(result, "debootstrap")), *tail]))
