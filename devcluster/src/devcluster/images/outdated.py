"""Which images no build and no start needs any more: those of older sources."""

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from devcluster.host import console, processes
from devcluster.host.errors import DevclusterError
from devcluster.images import base_image, buildah

ON_OUR_BASE = ("--filter", f"label={base_image.LABEL}")
"""Options of `buildah images` for those on our base image."""


@dataclass(frozen=True)
class StoredImage:
    """An image of the builder that has a name, or that no other one is based on."""

    identity: str
    names: tuple[str, ...]
    created: int
    """Unix time."""


def _repository(name: str) -> str:
    return name.rpartition(":")[0]


def kept_names(existing: Sequence[str], current: Collection[str]) -> set[str]:
    """One image of each repository: the current one, or the newest, whose layers the next build starts from.

    Args:
        existing: Names of images, the oldest first.
        current: The name that each repository's image has now, whether or not it was built.

    Returns:
        Names of images that exist.
    """
    newest = {_repository(name): name for name in existing}
    return {
        name if name in existing else newest[_repository(name)]
        for name in current
        if _repository(name) in newest
    }


def outdated_references(digests: Mapping[str, str], kept: Collection[str]) -> list[str]:
    """References of a node's image store to images that are not kept, but are of the same repositories.

    Args:
        digests: The digest of each reference. The kubelet's part of containerd adds a reference `sha256:...` for
            each image, which would keep the files of an image whose name is gone.
        kept: Names of images.

    Returns:
        The references to remove.
    """
    repositories = {_repository(name) for name in kept}
    names = {name for name in digests if _repository(name) in repositories and name not in kept}
    removed = {digests[name] for name in names} - {
        digests[name] for name in kept if name in digests
    }
    unnamed = {
        reference
        for reference, digest in digests.items()
        if reference.startswith("sha256:") and digest in removed
    }
    return sorted(names | unnamed)


def outdated_images(stored: Collection[StoredImage], current: Collection[str]) -> list[str]:
    """What to remove from the builder's store: images of older sources, and what only their builds used.

    A build's stages without a name are the cache of the next build. The newest of them that is not newer than
    a kept image belongs to that image's build.

    Args:
        stored: The builder's images.
        current: The name that each repository's image has now.

    Returns:
        Names and identities.
    """
    by_age = sorted(stored, key=lambda image: image.created)
    existing = [name for image in by_age for name in image.names]
    kept = kept_names(existing, current)
    repositories = {_repository(name) for name in kept}
    names = [n for n in existing if _repository(n) in repositories and n not in kept]
    stages = [image for image in by_age if not image.names]
    built = [image.created for image in by_age if kept.intersection(image.names)]
    used = [[stage for stage in stages if stage.created <= moment][-1:] for moment in built]
    old = [
        stage.identity
        for stage in stages
        if [stage] not in used and built and stage.created <= built[-1]
    ]
    return names + old


def remove_abandoned_containers() -> None:
    """Remove the containers that killed builds left on our images: they take gigabytes and keep images in use.

    No container is removed while buildah runs: a build may use it. Those of builds that begin later are not in
    the list.
    """
    images = buildah.run("images", "--all", "--no-trunc", "--json", *ON_OUR_BASE)
    ours = {row["id"].removeprefix("sha256:") for row in json.loads(images) or ()}
    listed = json.loads(buildah.run("containers", "--json")) or ()
    abandoned = [row["id"] for row in listed if row["imageid"] in ours]
    if abandoned and not processes.is_program_running("buildah"):
        buildah.run("rm", *abandoned)


def remove_from_builder(current: Collection[str]) -> None:
    """Remove outdated images from the builder's store, if there is one; only images on our base image."""
    if not current or shutil.which("buildah") is None:
        return
    remove_abandoned_containers()
    listed = buildah.run("images", "--json", *ON_OUR_BASE)
    stored = [
        StoredImage(row["id"], tuple(row["names"] or ()), row["created"])
        for row in json.loads(listed) or ()
    ]
    if outdated := outdated_images(stored, current):
        try:
            buildah.run("rmi", *outdated)
        except DevclusterError as error:
            console.log(
                f"some of {len(outdated)} images of older sources stay in buildah's store and take space, because "
                f"a build uses one; the next `make down` tries again: {error}"
            )
