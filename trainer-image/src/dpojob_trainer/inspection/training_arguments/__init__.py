"""Checks of `training.arguments` against the fields of TRL's DPOConfig.

TRL is not installed where inspection runs: `dpojob_api.arguments` has a table of the fields, and
`generate` writes it from the installed TRL.
"""

from .check import check_arguments, check_pad_token

__all__ = ["check_arguments", "check_pad_token"]
