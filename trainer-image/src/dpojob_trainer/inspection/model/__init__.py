"""The model's facts from its config and safetensors headers; weights are never loaded."""

from .adapter import check_adapter
from .facts import read_facts
from .files import ModelFiles, open_model

__all__ = ["ModelFiles", "check_adapter", "open_model", "read_facts"]
