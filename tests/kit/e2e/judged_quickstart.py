"""examples/quickstart.yaml with a judge, and the reward model and the prompts that it names."""

import json

import yaml
from tests.kit.repository import ROOT

PROMPTS = 40
"""The demo has few different questions, and all but eight of the held-out ones are trained on too."""


def judged_quickstart(claim):
    """The job as a dict; its reward model and its prompts are written onto the claim."""
    _write_reward_model(claim)
    prompts = [{"prompt": f"How do I clean kettle number {number}?"} for number in range(PROMPTS)]
    (claim / "prompts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in prompts))
    job = yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())
    job["spec"]["evaluation"] = {
        "judge": {"rewardModel": {"volume": {"claimName": "quickstart", "path": "reward"}}},
        "prompts": {"volume": {"claimName": "quickstart", "path": "prompts.jsonl"}, "max": PROMPTS},
    }
    return job


def _write_reward_model(claim):
    """A reward model that knows nothing, with the tokenizer of the job's model."""
    # These take seconds to import, which a run of other tests need not wait for.
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(claim / "model")
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=512, num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    Qwen2ForSequenceClassification(config).save_pretrained(claim / "reward")
    tokenizer.save_pretrained(claim / "reward")
    # save_pretrained leaves the weights readable to their owner alone, and the pod runs as another user.
    (claim / "reward" / "model.safetensors").chmod(0o644)
