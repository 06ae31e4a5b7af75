"""The training container's command with one GPU that holds a single pair: `python -m tests.kit.training.full_gpu train`.

The process of rank FULL_RANK is out of memory at its first larger batch after FULL_AFTER_STEPS steps. Without a
GPU, what is planned as sharded is sharded over gloo. Each process leaves the rows of its newest batch beside its
outcome.
"""

from __future__ import annotations

import atexit
import sys
import threading
from typing import Any

from tests.kit.training.sharded_runs import shard_on_cpu

from dpojob_trainer.__main__ import main
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training.launch import launcher

FULL_RANK = 1
FULL_AFTER_STEPS = 3


def fill_gpu() -> None:
    """Let the trainer of this process, one of several, run out of memory."""
    import torch

    from dpojob_trainer.training.loop import trainer

    shard_on_cpu()
    outcomes = ContainerEnvironment().outcomes_directory
    assert outcomes is not None
    original = trainer.Trainer.training_step

    def training_step(self: Any, model: Any, inputs: Any, *arguments: Any) -> Any:
        # A pair has two rows.
        too_large = self.args.process_index == FULL_RANK and len(inputs["input_ids"]) > 2
        (outcomes / f"{self.args.process_index}.rows").write_text(str(len(inputs["input_ids"])))
        if too_large and self.state.global_step >= FULL_AFTER_STEPS:
            # As NCCL where the others are in a collective.
            atexit.register(threading.Event().wait, 3600)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.37 GiB.")
        return original(self, model, inputs, *arguments)

    trainer.Trainer.training_step = training_step


if __name__ == "__main__":
    launcher.RANK_COMMAND = (sys.executable, "-m", "tests.kit.training.full_gpu", "train")
    if ContainerEnvironment().rank is not None:
        fill_gpu()
    sys.exit(main(sys.argv[1:]))
