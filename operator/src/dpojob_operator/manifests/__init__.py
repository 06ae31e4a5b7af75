"""The manifests of the objects created for a DPOJob: pure functions of the job and the settings."""

from .container_inputs import InputsTooLarge
from .inspection import inspection_job
from .metadata import output_directory_label
from .pool_hash import pool_hash
from .pvc import output_claim
from .rendezvous import rendezvous_service
from .training import training_job

__all__ = [
    "InputsTooLarge",
    "compact_json",
    "inspection_job",
    "output_claim",
    "output_directory_label",
    "pool_hash",
    "rendezvous_service",
    "training_job",
]
