"""The trainer: inspection of preference data, and training with TRL."""
