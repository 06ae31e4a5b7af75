"""Predictions for one training option on one kind of GPU: memory, time and cost, from the model's shape."""
