"""The facts of a model, from its config and safetensors headers; weights are never loaded.

`ModelFiles` gives access to the files, on a claim or on the hub.
"""

from .adapter import check_adapter
from .dispatch import open_model
from .facts import read_facts
from .files import ModelFiles, read_json
from .reward_model import reward_model_warnings
from .tokenizer_config import TokenizerConfig, read_tokenizer_config

__all__ = [
    "ModelFiles",
    "TokenizerConfig",
    "check_adapter",
    "open_model",
    "read_facts",
    "read_json",
    "read_tokenizer_config",
    "reward_model_warnings",
]
