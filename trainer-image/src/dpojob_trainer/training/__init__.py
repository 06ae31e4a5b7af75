"""Training: TRL's own DPOTrainer, watched, resumable and explained.

`run(job, on_progress=...)` trains as the plan says and gives back the last word, an `Outcome`; it
raises nothing. The container and `dpojob train` both call it.
"""

from .launch.session import run
from .setup.train_job import TrainJob

__all__ = ["TrainJob", "run"]
