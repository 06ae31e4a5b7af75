"""Builds the images and puts them on the cluster's node: `python hack/images.py`.

`names` only prints their names, and `values` the chart's values that name them.

A tag is the hash of everything the image is made from, so that an image already on the node is
never built again and a changed source is never missed. PUSH=registry/prefix pushes instead.
TORCH_INDEX=address of an index with torch for processors makes a trainer image without CUDA.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from cluster_tools import CONTEXT, ROOT, devcluster, log


@dataclass(frozen=True)
class Image:
    """One of our images: its Dockerfile, target, and the paths it is made from."""

    name: str
    dockerfile: str
    target: str | None
    sources: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    """Build arguments that change what is built."""

    @cached_property
    def tag(self) -> str:
        """Hash of the Dockerfile, the locks and the sources, computed once."""
        digest = hashlib.sha256(" ".join([str(self.target), *self.arguments]).encode())
        for source in (self.dockerfile, *self.sources):
            root = ROOT / source
            files = [root] if root.is_file() else sorted(root.rglob("*"))
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()[:12]

    @property
    def reference(self) -> str:
        """repository:tag, under IMAGES or PUSH when given, else a name local to this machine."""
        prefix = os.environ.get("PUSH") or os.environ.get("IMAGES") or "localhost"
        return f"{prefix}/{self.name}:{self.tag}"


def _for_processors() -> tuple[str, ...]:
    """Build arguments of a trainer image without CUDA, where TORCH_INDEX has torch without it."""
    index = os.environ.get("TORCH_INDEX")
    return ("ACCELERATOR=cpu", f"TORCH_INDEX={index}", "NVIDIA_REQUIRE_CUDA=") if index else ()


TRAINER = "trainer-image/Dockerfile"
IMAGES = {
    "operator": Image(
        "dpojob-operator", "Dockerfile", None,
        ("locks/operator.txt", "api/src", "planner/src", "operator/src"),
    ),
    "inspect": Image(
        "dpojob-inspect", TRAINER, "inspect", ("locks/inspect.txt", "api/src", "trainer-image/src")
    ),
    "trainer": Image(
        "dpojob-trainer", TRAINER, "train",
        ("locks/inspect.txt", "locks/trainer.txt", "api/src", "trainer-image/src"), _for_processors(),
    ),
}  # fmt: skip


def is_on_node(reference: str) -> bool:
    """Whether the node made here has the image, or will have it when it starts again."""
    command = [sys.executable, "-m", "devcluster", "has-image", reference]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def build(image: Image, *options: str) -> None:
    """Builds an image with Docker or buildah, whichever devcluster chooses."""
    options += ("--target", image.target) if image.target else ()
    for argument in image.arguments:
        options += ("--build-arg", argument)
    devcluster(
        "build-image", str(ROOT), "-t", image.reference, "-f", image.dockerfile, *options,
        capture=False,
    )  # fmt: skip


def ensure() -> dict[str, Image]:
    """Every image where the cluster can use it; returns them by role."""
    if CONTEXT:
        if "IMAGES" not in os.environ:
            raise SystemExit(
                "demo: CONTEXT needs IMAGES=registry/prefix, where your cluster pulls the images "
                "from; push them there with: make images PUSH=registry/prefix"
            )
        return IMAGES
    for role, image in IMAGES.items():
        if is_on_node(image.reference):
            log(f"image {role}: on the node already ({image.tag})")
            continue
        log(f"image {role}: building {image.reference}")
        build(image)
        log(f"image {role}: loading it onto the node")
        devcluster("load-image", "--built", image.reference, capture=False)
    return IMAGES


@contextmanager
def built_meanwhile() -> Iterator[None]:
    """Builds the images that the node lacks while the body starts the cluster; waits for both.

    Starting a cluster for the first time compiles its binaries, and a build mostly downloads and writes.
    `ensure` afterwards finds them built.
    """
    missing = [] if CONTEXT else [i for i in IMAGES.values() if not is_on_node(i.reference)]
    with ThreadPoolExecutor(max_workers=1) as pool:
        builds = [pool.submit(build, image) for image in missing]
        try:
            yield
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        for finished in builds:
            finished.result()


def chart_values() -> str:
    """The values of the chart that name the images, as JSON, which is YAML."""
    names = {role: image.reference.rsplit(":", 1) for role, image in IMAGES.items()}
    images = {role: {"repository": name, "tag": tag} for role, (name, tag) in names.items()}
    return json.dumps({"images": images}, indent=2)


if __name__ == "__main__":
    if sys.argv[1:] == ["names"]:
        print(*(image.reference for image in IMAGES.values()))
    elif sys.argv[1:] == ["values"]:
        print(chart_values())
    elif "PUSH" in os.environ:
        for role, image in IMAGES.items():
            log(f"image {role}: building and pushing {image.reference}")
            build(image, "--for-registry")
    else:
        with built_meanwhile():
            devcluster("up", "--mode", "full", capture=False)
        ensure()
