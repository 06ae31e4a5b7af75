"""Calls of buildah, the image builder that needs neither a daemon nor Docker."""

import json
import subprocess

from devcluster.host import commands


def run(*arguments: str) -> str:
    """One command; its output."""
    return commands.run("buildah", *arguments, what=f"buildah {arguments[0]}")


def push(name: str) -> None:
    """Push an image to the registry that its name begins with."""
    run("push", name)


def inspect(name: str) -> dict[str, object] | None:
    """The metadata of an image; None when there is none of that name."""
    command = ["buildah", "inspect", "--type", "image", name]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        return None
    image_data: dict[str, object] = json.loads(result.stdout)
    return image_data


def label(name: str, key: str) -> str | None:
    """One of an image's labels."""
    image_data = inspect(name)
    oci = image_data.get("OCIv1") if image_data else None
    config = oci.get("config", {}) if isinstance(oci, dict) else {}
    value = (config.get("Labels") or {}).get(key)
    return str(value) if value is not None else None


def image_id(name: str) -> str | None:
    """The digest of an image's configuration: the same content has the same."""
    image_data = inspect(name)
    return str(image_data["FromImageID"]) if image_data else None
