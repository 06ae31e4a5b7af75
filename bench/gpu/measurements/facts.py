"""The card, its driver and its memory, and one kernel of TRL compiled and run."""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import asdict
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.models import compute_dtype, device

GIB = 1 << 30
NO_CARD = "no card"
"""What a rehearsal has instead."""
TOLERANCE = 0.05
"""The largest error of a log-probability from 16-bit logits, against fp32."""


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """The driver before anything else: its cell names the card."""
    return {
        Cell("facts", "driver", 30.0): _driver,
        Cell("facts", "context", 30.0): _context,
        Cell("facts", "trl-kernel", 90.0): _trl_kernel,
    }


def _driver(context: Context) -> dict[str, Any]:
    from dpojob_trainer.training.launch.device_facts import read_device_facts

    before = used_mib()
    facts = read_device_facts()
    if not facts.devices and not context.rehearsal:
        raise RuntimeError(f"torch can use no GPU: {facts.error}")
    return {
        "card": facts.devices[0].name if facts.devices else NO_CARD,
        "facts": asdict(facts),
        "usedByOthersMiB": before,
        "nvidiaSmi": _nvidia_smi(),
    }


def _context(context: Context) -> dict[str, Any]:
    """What the card has in use beyond torch's allocator, after one product has loaded cuBLAS."""
    import torch

    first = torch.ones(1024, 1024, device=device(), dtype=compute_dtype())
    (first @ first).sum().item()
    if device() == "cpu":
        return {"contextGiB": 0.0, "totalGiB": 0.0}
    free, total = torch.cuda.mem_get_info()
    used = total - free - torch.cuda.memory_reserved()
    return {"contextGiB": used / GIB, "totalGiB": total / GIB}


def _trl_kernel(context: Context) -> dict[str, Any]:
    """TRL's chunked log-probabilities, forward and backward: Triton compiles its driver and the kernels."""
    import torch
    from trl.kernels import chunked_logprob

    tokens, hidden, vocabulary = (8, 16, 64) if context.rehearsal else (512, 896, 151_936)
    generator = torch.Generator(device=device()).manual_seed(0)

    def values(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, device=device()).to(compute_dtype())

    # Logits of unit variance, of which none decides the sum of the others.
    states = values(tokens, hidden).requires_grad_(True)
    weight = values(vocabulary, hidden) * hidden**-0.5
    targets = torch.randint(vocabulary, (tokens,), generator=generator, device=device())
    found = chunked_logprob.ChunkedLogProbFunction.apply(
        states, weight, None, targets, 1.0, 32_768, None, 1.0, ("log_probs",)
    )[0]
    found.sum().backward()
    logits = states.detach().float() @ weight.float().T
    expected = torch.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]
    difference = (found.detach() - expected).abs().max().item()
    if not difference < TOLERANCE or not torch.isfinite(states.grad).all():
        raise RuntimeError(f"log-probabilities differ by {difference} from fp32, or no gradient")
    return {
        "maxDifference": difference,
        "triton": chunked_logprob._use_triton(states.device),
    }


def _nvidia_smi() -> str | None:
    if shutil.which("nvidia-smi") is None:
        return None
    return subprocess.run(
        ["nvidia-smi"], capture_output=True, text=True, timeout=20, check=False
    ).stdout


@functools.cache
def used_mib() -> int | None:
    """Memory of the first card that was in use at the first call; None where it cannot be asked.

    The worker calls it before it imports a library that may take memory of the card.
    """
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    first = found.split("\n")[0].strip()
    return int(first) if first.isdigit() else None
