"""CustomResourceDefinitions, generated from the models. `python -m dpojob_api.crd DIR...` writes them."""

from .definitions import dpojob_crd, gpupool_crd
from .structural_schema import structural_schema

__all__ = ["dpojob_crd", "gpupool_crd", "structural_schema"]
