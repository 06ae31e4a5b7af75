"""Training over several processes of this machine, sharded by FSDP2 over gloo, and what each process observed.

accelerate 1.15 ignores FSDP without a GPU: `AcceleratorState` then leaves the plugin out and the processes run
DDP. `shard_on_cpu` gives the CPU the branch that it has for GPUs.

Run as a module, this imports TRL once and forks the processes of every run, since the import takes longer
than the training.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.ports import free_port

from dpojob_api.plan import Precision
from dpojob_trainer.training import TrainJob

Observations = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One training."""

    job: TrainJob
    processes: int = 2
    precision: Precision = "fp32"
    """The precision to compute in, also where the trainer would choose another one on this machine."""
    stop_after: int | None = None
    """The step at which the run is interrupted, as by SIGTERM to its last process."""


def train_all(runs: Sequence[Run], directory: Path) -> list[list[Observations]]:
    """Train one after the other, in processes of their own, and return the observations by run and rank."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "runs").write_bytes(pickle.dumps(list(runs)))
    command = [sys.executable, "-m", "tests.kit.training.sharded_runs", str(directory)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with (directory / "log").open("wb") as log:
        ended = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
    assert ended.returncode == 0, (directory / "log").read_text(errors="replace")[-6000:]
    return [
        [json.loads(_path(directory, n, rank).read_text()) for rank in range(run.processes)]
        for n, run in enumerate(runs)
    ]


def _path(directory: Path, number: int, rank: int) -> Path:
    return directory / f"run-{number}-rank-{rank}.json"


def shard_on_cpu() -> None:
    """Let accelerate use an FSDP plugin without a GPU."""
    from accelerate.state import AcceleratorState, DistributedType, PartialState

    original = AcceleratorState.__init__

    def init(self: Any, *args: Any, fsdp_plugin: Any = None, **kwargs: Any) -> None:
        original(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
        if fsdp_plugin is None or self.distributed_type != DistributedType.MULTI_CPU:
            return
        if self._mixed_precision != "no":
            fsdp_plugin.set_mixed_precision(self._mixed_precision)
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = fsdp_plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = init


def _observe(run: Run) -> Observations:
    """Train in this process, one of the run's, and return what was observed."""
    import torch
    from torch.distributed.fsdp import FSDPModule

    from dpojob_trainer.training import run as run_job
    from dpojob_trainer.training.loop import samples
    from dpojob_trainer.training.loop import trainer as loop
    from dpojob_trainer.training.loop.callbacks import Interruption
    from dpojob_trainer.training.setup.precision import Precisions

    shard_on_cpu()
    seen: Observations = {"gradients": [], "samples": []}
    weights = torch.bfloat16 if run.precision == "bf16" else torch.float32
    if run.job.plan.method == "full":
        weights = torch.float32
    loop.choose_precisions = lambda *_: Precisions(run.precision, weights)  # type: ignore[assignment]

    def kinds(tensors: Any) -> list[str]:
        return sorted({type(tensor).__name__ for tensor in tensors})

    def layers(model: Any) -> list[Any]:
        """Parameters of decoder layers. The embeddings may be whole from a forward to the next backward."""
        return [p for name, p in model.named_parameters() if ".layers." in name]

    def held_bytes(models: Any) -> int:
        """Main memory of the models' weights; those that share it count once."""
        storages = {
            weight.untyped_storage().data_ptr(): weight.untyped_storage().nbytes()
            for model in models
            if model is not None
            for weight in model.parameters()
            if weight.device.type != "meta"
        }
        return sum(storages.values())

    original_load = loop.load_model

    def load_model(*args: Any) -> Any:
        loaded = original_load(*args)
        seen["loadedBytes"] = held_bytes([loaded.model, loaded.reference])
        return loaded

    original_init = loop.Trainer.__init__

    def init(self: Any, **kwargs: Any) -> None:
        original_init(self, **kwargs)
        seen["policyBytes"] = held_bytes([self.model])

    original_step = loop.Trainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original_step(self, *args, **kwargs)
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        seen["gradients"].append(kinds(parameter.grad for parameter in trained))
        return result

    original_answer = samples._generate_answer

    def generate_answer(model: Any, *args: Any) -> str:
        answer = original_answer(model, *args)
        seen["samples"].append([kinds(layers(model)), answer])
        return answer

    original_step_end = Interruption.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.process_index == run.processes - 1 and state.global_step == run.stop_after:
            self._stop.requested = True
        original_step_end(self, args, state, control, **kwargs)

    original_train = loop.train

    def train(*args: Any) -> Any:
        result = original_train(*args)
        model, reference = result.trainer.model, result.loaded.reference
        # Checkpoints are removed when the model is complete.
        checkpoint = run.job.checkpoints / f"checkpoint-{result.trainer.state.global_step}"
        seen["checkpointBytes"] = {path.name: path.stat().st_size for path in checkpoint.iterdir()}
        tokens = torch.arange(2, 34)[None]
        with torch.no_grad():
            outputs = model(input_ids=tokens, labels=tokens, fused_lm_head=True)
        seen["outputDtypes"] = sorted(
            {str(value.dtype) for value in outputs.values() if value.is_floating_point()}
        )
        seen["logProbabilities"] = outputs.log_probs[0].tolist()
        seen["sum"] = outputs.log_probs.sum().item()
        for name, found in (("policy", model), ("reference", reference)):
            if found is not None:
                seen[name] = kinds(layers(found))
                seen[f"{name}Units"] = sorted(
                    module_name
                    for module_name, module in found.named_modules()
                    if isinstance(module, FSDPModule)
                )
        if reference is not None:
            reference(input_ids=tokens, labels=tokens, fused_lm_head=True)
            seen["referenceAfterForward"] = kinds(reference.parameters())
        units = [module for module in model.modules() if isinstance(module, FSDPModule)]
        policies = [unit._get_fsdp_state()._mp_policy for unit in units]
        seen["reduceDtypes"] = sorted({str(policy.reduce_dtype) for policy in policies})
        return result

    loop.load_model = load_model  # type: ignore[assignment]
    loop.Trainer.__init__ = init
    loop.Trainer.training_step = training_step
    samples._generate_answer = generate_answer
    Interruption.on_step_end = on_step_end
    loop.train = train
    outcome = run_job(run.job)
    return {**seen, "outcome": outcome.wire()}


def _run_rank(run: Run, rank: int, port: int, path: Path) -> None:
    """Be one process of a run; does not return."""
    status = 1
    try:
        if run.processes > 1:
            os.environ.update(
                RANK=str(rank),
                LOCAL_RANK=str(rank),
                WORLD_SIZE=str(run.processes),
                LOCAL_WORLD_SIZE=str(run.processes),
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=str(port),
            )
        path.write_text(json.dumps(_observe(run), default=str))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(directory: Path) -> int:
    """Run the processes of every run, one run after the other."""
    import torch

    # Imported once, for all processes.
    from dpojob_trainer.training.export import finalize as _finalize  # noqa: F401
    from dpojob_trainer.training.loop import trainer as _trainer  # noqa: F401

    torch.set_num_threads(1)
    for number, run in enumerate(pickle.loads((directory / "runs").read_bytes())):
        port = free_port()
        children = []
        for rank in range(run.processes):
            child = os.fork()
            if child == 0:
                _run_rank(run, rank, port, _path(directory, number, rank))
            children.append(child)
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        if any(statuses):
            print(f"run {number} ended with {statuses}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
