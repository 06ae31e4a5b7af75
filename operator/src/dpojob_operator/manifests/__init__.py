"""The objects made for a DPOJob, as the API server wants them. Pure: settings and facts in, JSON out."""

from .inspection import inspection_job
from .pool_hash import pool_hash
from .pvc import output_claim
from .rendezvous import rendezvous_service
from .training import training_job

__all__ = ["inspection_job", "output_claim", "pool_hash", "rendezvous_service", "training_job"]
