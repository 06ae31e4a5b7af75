"""Container images: the Debian base and the pause image without a registry, buildah, OCI layouts, Docker."""

__all__ = ["base_image", "buildah", "builder", "docker", "oci_layout", "outdated", "pause_image"]
