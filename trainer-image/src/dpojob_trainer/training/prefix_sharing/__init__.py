"""Computes the tokens that chosen and rejected begin with once, instead of once for each of them.

TRL lays a pair out as two rows, prompt and chosen, prompt and rejected. Here the model's backbone reads one row,
prompt, chosen, rejected, in which the answers do not see each other, and its outputs are copied back to TRL's
two rows before the LM head. Loss, metrics and everything else of TRL stay as they are. Published as "prefix
sharing" (Wang et al. 2024, "Accelerating Direct Preference Optimization with Prefix Sharing", arXiv:2410.20305).
"""

from .collator import ForwardCost, PrefixSharingCollator, forward_cost
from .comparison import TOLERANCE, layout_difference
from .shared_backbone import SharedBackbone

__all__ = [
    "TOLERANCE",
    "ForwardCost",
    "PrefixSharingCollator",
    "SharedBackbone",
    "forward_cost",
    "layout_difference",
]
