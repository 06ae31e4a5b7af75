"""The facts of a model, from its config and safetensors headers; weights are never loaded.

`ModelFiles` gives access to the files, on a claim or on the hub.
"""

from .adapter import check_adapter
from .benchmark_tasks import task_warnings
from .dispatch import open_model
from .facts import read_facts
from .files import ModelFiles, read_json
from .reward_model import inspect_reward_model
from .tokenizer_config import TokenizerConfig, read_tokenizer_config
from .weights_hash import hash_weights

__all__ = [
    "ModelFiles",
    "TokenizerConfig",
    "check_adapter",
    "hash_weights",
    "inspect_reward_model",
    "open_model",
    "read_facts",
    "read_json",
    "read_tokenizer_config",
    "task_warnings",
]
