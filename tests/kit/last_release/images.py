"""The images of the last release on the node: its own packages over the dependencies of today's images."""

import shutil

from tests.kit.last_release.sources import SOURCES

DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY packages /opt/last-release
ENV PYTHONPATH=/opt/last-release
"""
"""Python looks there before it looks at the packages that were installed into the image."""


def load(sources, commit):
    """Builds what the node lacks of them; the chart's values that name them.

    Args:
        sources: The directory that `sources.unpack` filled.
        commit: What it returned.
    """
    import images
    from cluster_tools import devcluster

    from devcluster.images import buildah

    context = sources / "images"
    for source in SOURCES:
        shutil.copytree(sources / source, context / "packages", dirs_exist_ok=True)
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    values = {}
    for role, image in images.IMAGES.items():
        repository, tag = f"localhost/{image.name}", f"{commit}-{image.tag}"
        if not images.is_on_node(f"{repository}:{tag}"):
            if buildah.image_id(image.reference) is None:  # although the node has it
                images.build(image)
            devcluster(
                "build-image", str(context), "-t", f"{repository}:{tag}", "-f", str(dockerfile),
                "--build-arg", f"BASE_IMAGE={image.reference}", capture=False,
            )  # fmt: skip
            devcluster("load-image", "--built", f"{repository}:{tag}", capture=False)
        values[role] = {"repository": repository, "tag": tag}
    return {"images": values}
