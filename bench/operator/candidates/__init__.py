"""The candidates of the comparison: bare Jobs, Kubeflow Trainer, and this operator."""

from .candidate import BareJobs, Candidate
from .dpojobs import DPOJobs
from .kubeflow import KubeflowTrainer

__all__ = ["BareJobs", "Candidate", "DPOJobs", "KubeflowTrainer"]
