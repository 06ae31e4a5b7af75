"""examples/quickstart.yaml with a judge, and the reward model that it names."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def judged_quickstart(claim):
    """The job as a dict; its reward model is written onto the claim."""
    _write_reward_model(claim)
    job = yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())
    reward_model = {"volume": {"claimName": "quickstart", "path": "reward"}}
    job["spec"]["evaluation"] = {
        "judge": {"rewardModel": reward_model}, "prompts": {"max": 40},
    }  # fmt: skip
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
