"""CustomResourceDefinitions, generated from the models. `python -m dpojob_api.crd DIR...` writes them."""

from .definitions import costquota_crd, dpojob_crd, gpupool_crd
from .structural_schema import structural_schema

__all__ = ["costquota_crd", "dpojob_crd", "gpupool_crd", "structural_schema"]
