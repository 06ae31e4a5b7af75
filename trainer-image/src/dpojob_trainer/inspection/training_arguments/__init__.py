"""`training.arguments` against TRL's DPOConfig, without TRL: a table made from it is checked in."""

from dpojob_trainer.shared.experiment_trackers import check_trackers

from .check import check_arguments, check_pad_token

__all__ = ["check_arguments", "check_pad_token", "check_trackers"]
