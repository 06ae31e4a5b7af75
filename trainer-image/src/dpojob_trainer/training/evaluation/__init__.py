"""Evaluation: the tuned model beside the model that training began with, on held-out pairs and prompts.

`evaluate_run` runs after training, once the model is in its place, and raises no error: what fails is
noted in the result. The package imports none of its modules: they import torch, which takes seconds.
"""

__all__ = [
    "answers",
    "evaluator",
    "generation",
    "pod_failures",
    "prompts",
    "records",
    "statistics",
]
