"""Checks of manifests without an API server: the same schema and rules, the same result.

Takes parsed documents, so that this package needs no YAML library; whoever reads files parses them.
"""

from .loader import JobManifest, Manifest, ManifestError, ManifestProblem, load, load_all
from .plain_values import CLAIM_SCHEME, FILE_NAME, number_instead_of, volume_of_address

__all__ = [
    "CLAIM_SCHEME",
    "FILE_NAME",
    "JobManifest",
    "Manifest",
    "ManifestError",
    "ManifestProblem",
    "load",
    "load_all",
    "number_instead_of",
    "volume_of_address",
]
