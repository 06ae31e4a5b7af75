"""The candidates of the comparison: bare Jobs, Kubeflow Trainer, a DPOJob's writes alone, and this operator."""

from .candidate import BareJobs, Candidate
from .dpojob_writes import DPOJobWrites
from .dpojobs import DPOJobs
from .kubeflow import KubeflowTrainer

__all__ = ["BareJobs", "Candidate", "DPOJobWrites", "DPOJobs", "KubeflowTrainer"]
