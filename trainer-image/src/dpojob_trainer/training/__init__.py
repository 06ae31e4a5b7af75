"""Training: TRL's DPOTrainer with checkpoints that resume, health guards, a report and uploads.

`run(job, on_progress=...)` trains as the plan says and returns the Outcome; it raises no error. The
training container and `dpojob train` both call it, after `hide_unused_packages`. `setup` loads what a run is made of, `loop` trains,
`export` writes and uploads the finished model, and `launch` starts the processes.
"""

from .launch import discard_output_at_exit, hide_unused_packages, run
from .setup.train_job import TrainJob

__all__ = ["TrainJob", "discard_output_at_exit", "hide_unused_packages", "run"]
