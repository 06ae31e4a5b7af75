"""Answers of a model that two processes share and end at different tokens: `python -m tests.kit.training.sharded_answers MODEL OUT`.

Each process writes the answers that it gave alone and sharded.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from tests.kit.ports import free_port

PROMPTS = ("Where is the kite?", "What color is the apple, and where is the kite that was here?")
"""The prompts by rank."""
TIMEOUT = timedelta(seconds=300)
"""After which a process that waits for the other one fails."""


def answer(directory: Path, out: Path, rank: int, port: int) -> None:
    """Answer as one of the two processes."""
    import torch
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from dpojob_trainer.training.loop import samples

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(directory).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if rank == 1:
        # It ends with the first token of its answer, long before the other one.
        inputs = tokenizer(PROMPTS[rank], return_tensors="pt")
        first = int(model(**inputs).logits[0, -1].argmax())
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(first)
    found = {"alone": samples._generate_answer(model, tokenizer, PROMPTS[rank])}
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2, timeout=TIMEOUT
    )
    for layer in model.model.layers:
        fully_shard(layer)
    fully_shard(model)
    register_fsdp_forward_method(model, "generate")
    with torch.no_grad():
        found["sharded"] = samples._generate_answer(model, tokenizer, PROMPTS[rank])
    (out / str(rank)).write_text(json.dumps(found))


def main(directory: Path, out: Path) -> int:
    """Run both processes."""
    port = free_port()
    children = []
    for rank in range(len(PROMPTS)):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                answer(directory, out, rank, port)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        children.append(child)
    return max(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) for child in children)


if __name__ == "__main__":
    # Imported once, for both processes.
    import dpojob_trainer.training.loop.samples  # noqa: F401

    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
