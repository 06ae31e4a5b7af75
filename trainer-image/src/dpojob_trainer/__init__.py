"""The trainer: inspection of preference data, and training with TRL.

The containers start `python -m dpojob_trainer`; the command line calls `inspection` and `training`.
"""

__all__ = ["inspection", "training"]
