"""Checks of manifests without an API server: the same schema and rules, the same result.

Takes parsed documents, so that this package needs no YAML library; whoever reads files parses them.
"""

from .common_mistakes import FILE_NAME
from .loader import Manifest, ManifestError, Problem, load, load_all

__all__ = ["FILE_NAME", "Manifest", "ManifestError", "Problem", "load", "load_all"]
