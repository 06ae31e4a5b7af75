"""The state of a sharded model as whole tensors: gathered to be saved, divided when it is loaded.

Its files are those of a model that is not sharded, so that any number of GPUs can go on from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import safe_open
from torch.distributed.tensor import DTensor, distribute_tensor

from dpojob_trainer.training.adapters.loading import TRAINED_ADAPTER


def gather_model(model: torch.nn.Module, *, keep: bool) -> dict[str, torch.Tensor]:
    """Gather a sharded model's weights, tensor by tensor. Every process must call this at the same point.

    Args:
        model: The policy.
        keep: Whether this process writes the weights; the others only take part.

    Returns:
        What `save_pretrained` needs, on the CPU: all weights, or an adapter's and the embeddings, which are
        saved with an adapter that brings tokens. Tied weights are one tensor. Empty without `keep`.
    """
    # The parameters themselves, so that tied ones are the same object.
    state = model.state_dict(keep_vars=True)
    if isinstance(model, PeftModel):
        state = {name: state[name] for name in _adapter_names(model, state)}
    gathered: dict[int, torch.Tensor] = {}
    for tensor in state.values():
        if id(tensor) not in gathered:
            gathered[id(tensor)] = _gather(tensor, keep=keep)
    return {name: gathered[id(tensor)] for name, tensor in state.items()} if keep else {}


def send_from_first_process(
    accelerator: Accelerator,
    model: torch.nn.Module,
    full_sd: Mapping[str, torch.Tensor],
    cpu_offload: bool = False,
) -> torch.nn.Module:
    """Give each process its part of weights that the first one holds. Every process must call this together.

    accelerate's `fsdp2_load_full_state_dict` does the same for parameters only, and fails on a model that saves
    buffers with its weights, such as the biases of a mixture of experts.

    Args:
        accelerator: Of this process.
        model: Sharded, on the meta device.
        full_sd: Whole tensors by name in the first process; elsewhere anything.
        cpu_offload: Not supported; accelerate passes it.

    Returns:
        The model with its weights. Tied ones are tensors of their own until they are tied again.
    """
    parts = {}
    for name, target in model.state_dict().items():
        if accelerator.is_main_process:
            whole = full_sd[name].detach().to(accelerator.device).contiguous()
        else:
            whole = torch.empty(target.shape, dtype=target.dtype, device=accelerator.device)
        torch.distributed.broadcast(whole, src=0)
        parts[name] = _shard_like(whole, target)
    model.load_state_dict(parts, assign=True)
    return model


def load_model_weights(model: torch.nn.Module, directory: Path) -> None:
    """Load the weights of a checkpoint into a sharded model: each process reads its part of every tensor.

    Args:
        model: The policy.
        directory: A checkpoint, with the file of a full model or of an adapter.

    Raises:
        ValueError: A trained weight is not in the checkpoint.
    """
    state, pattern = model.state_dict(keep_vars=True), "model*.safetensors"
    if isinstance(model, PeftModel):
        state = get_peft_model_state_dict(
            model, state, TRAINED_ADAPTER, save_embedding_layers=False
        )
        pattern = SAFETENSORS_WEIGHTS_NAME
    loaded: set[int] = set()
    with torch.no_grad():
        for path in sorted(directory.glob(pattern)):
            with safe_open(path, "pt") as file:
                for name in sorted(state.keys() & set(file.keys())):
                    state[name].copy_(_shard_like(file.get_tensor(name), state[name]))
                    loaded.add(id(state[name]))
    missing = sorted(name for name, tensor in state.items() if id(tensor) not in loaded)
    if missing:
        raise ValueError(f"{directory.name} holds no {', '.join(missing[:3])}")


def gather_optimizer_state(optimizer: torch.optim.Optimizer, *, keep: bool) -> dict[str, Any]:
    """Gather the optimizer's state of a sharded model. Every process must call this at the same point.

    Args:
        optimizer: The optimizer of the policy.
        keep: Whether this process writes the state.

    Returns:
        What `optimizer.state_dict()` is without sharding, on the CPU.
    """
    state = optimizer.state_dict()
    moments = {
        number: {
            name: _gather(value, keep=keep) if isinstance(value, torch.Tensor) else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {**state, "state": moments}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load an optimizer's state without sharding into that of a sharded model.

    Args:
        optimizer: The optimizer of the policy.
        state: What `gather_optimizer_state` returned, or `state_dict()` of an optimizer without sharding.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = {
        number: {
            name: _shard_like(value, parameters[number])
            # A moment is shaped like its parameter, a count of steps is not.
            if isinstance(value, torch.Tensor) and value.shape == parameters[number].shape
            else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": moments})


def _gather(tensor: torch.Tensor, *, keep: bool) -> torch.Tensor:
    part = tensor.detach()
    whole = part.full_tensor() if isinstance(part, DTensor) else part
    return whole.cpu() if keep else torch.empty(0)


def _shard_like(whole: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """This process's part of a tensor that every process has, without communication."""
    if not isinstance(tensor, DTensor):
        return whole
    mesh = tensor.device_mesh
    return distribute_tensor(
        whole.to(mesh.device_type), mesh, tensor.placements, src_data_rank=None
    )


def _adapter_names(model: PeftModel, names: Iterable[str]) -> list[str]:
    """The names of the adapters' weights, and of the embeddings."""
    embeddings = (model.get_input_embeddings(), model.get_output_embeddings())
    prefixes = tuple(
        f"{name}."
        for name, module in model.named_modules()
        if any(module is embedding for embedding in embeddings)
    )
    parts = {*model.peft_config}
    return [
        name for name in names if parts.intersection(name.split(".")) or name.startswith(prefixes)
    ]
