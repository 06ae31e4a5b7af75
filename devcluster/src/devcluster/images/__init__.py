"""Container images without a registry: the Debian base, the pause image, buildah, OCI layouts."""
