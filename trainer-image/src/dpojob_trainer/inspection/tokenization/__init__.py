"""The model's chat template and tokenizer, loaded without transformers, and token counts of pairs.

`ModelContext` holds the facts, chat template and tokenizer of the job's model; `model_warnings` says where
it is probably not suited for DPO.
"""

from .length_check import LengthCheck
from .model_context import ModelContext
from .model_warnings import model_warnings
from .text_encoder import InexactTokens
from .token_counter import TokenCounter
from .token_view import RowTokens, row_tokens

__all__ = [
    "InexactTokens",
    "LengthCheck",
    "ModelContext",
    "RowTokens",
    "TokenCounter",
    "model_warnings",
    "row_tokens",
]
