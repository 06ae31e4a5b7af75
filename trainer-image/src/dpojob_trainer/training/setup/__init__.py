"""What a run needs before its first step: the job, its model, adapter and arguments, signals and errors.

The types that the loop and the export share lie here too: the recorder of progress and the result of a
training. The package imports none of its modules: some import torch, which takes seconds.
"""

__all__ = [
    "argument_errors",
    "arguments",
    "errors",
    "model",
    "model_source",
    "precision",
    "progress",
    "resumable_file",
    "signals",
    "tracker_setup",
    "train_job",
    "training_result",
]
