"""Container images without a registry: the Debian base, the pause image, buildah, OCI layouts."""

__all__ = ["base_image", "buildah", "builder", "oci_layout", "outdated", "pause_image"]
