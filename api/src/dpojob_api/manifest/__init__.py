"""Checks of manifests without an API server: the same schema and rules, the same result.

Takes parsed documents, so that this package needs no YAML library; whoever reads files parses them.
"""

from .loader import Manifest, ManifestError, Problem, load, load_all

__all__ = ["Manifest", "ManifestError", "Problem", "load", "load_all"]
