"""Training: TRL's own DPOTrainer, watched, resumable and explained.

`run(job, on_progress=...)` trains as the plan says and gives back the last word, an `Outcome`; it
raises nothing. The container and `dpojob train` both call it.
"""

from .job import TrainJob
from .run import run

__all__ = ["TrainJob", "run"]
