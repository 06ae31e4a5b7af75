"""Predictions for one setting on one kind of GPU: model shape, memory, training time and cost."""
