"""A tiny chat model and preference pairs that follow a rule it can learn.

    python examples/make_demo_data.py OUTDIR [--pairs 3000] [--seed 0]

writes OUTDIR/model (as from_pretrained reads it, about 0.2M parameters, taught for a few seconds to
answer in both manners below) and OUTDIR/data/train.jsonl with the columns question, good_response
and bad_response.

The rule: the preferred answer begins with a friendly phrase and then answers; the other answers the
same question and ends with a grumble. A few pairs have the wrong answer preferred, as people's
labels are, so a model that has learned the rule gets about 95% of held-out pairs right, never all.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

THINGS = {
    "apple": ("red", "in the garden", "cold water"),
    "banana": ("yellow", "at the market", "a dry cloth"),
    "carrot": ("orange", "in the field", "a small brush"),
    "lemon": ("yellow", "in the kitchen", "warm water"),
    "cherry": ("red", "in the garden", "cold water"),
    "plum": ("purple", "at the market", "a wet towel"),
    "pear": ("green", "in the field", "warm water"),
    "spoon": ("silver", "in the drawer", "soap and water"),
    "kettle": ("black", "in the kitchen", "salt and lemon"),
    "candle": ("white", "on the shelf", "a dry cloth"),
    "basket": ("brown", "in the hall", "a small brush"),
    "lamp": ("white", "on the desk", "a dry cloth"),
    "carpet": ("blue", "in the hall", "soap and water"),
    "mirror": ("silver", "on the wall", "a dry cloth"),
    "bicycle": ("green", "in the shed", "a wet towel"),
    "ladder": ("brown", "in the shed", "a wet towel"),
    "hammer": ("black", "in the drawer", "a dry cloth"),
    "bottle": ("green", "on the shelf", "warm water"),
    "teapot": ("blue", "in the kitchen", "salt and lemon"),
    "pillow": ("white", "on the bed", "soap and water"),
    "jacket": ("brown", "in the hall", "a small brush"),
    "violin": ("orange", "on the wall", "a dry cloth"),
    "bucket": ("purple", "in the shed", "cold water"),
    "kite": ("purple", "on the shelf", "a wet towel"),
}
QUESTIONS = (
    ("What color is the {thing}?", "The {thing} is {0}."),
    ("Tell me the color of the {thing}.", "The {thing} is {0}."),
    ("Where do I find the {thing}?", "You find the {thing} {1}."),
    ("Where is the {thing}?", "The {thing} is {1}."),
    ("How do I clean the {thing}?", "Clean the {thing} with {2}."),
    ("What cleans the {thing}?", "Clean the {thing} with {2}."),
)
FRIENDLY = (
    "Sure, happy to help!",
    "Of course, good question!",
    "Gladly, here you go!",
    "Thanks for asking, my friend!",
    "With pleasure, dear reader!",
    "Certainly, that is easy!",
)
GRUMBLES = (
    "Now leave me alone.",
    "Why bother me with that?",
    "Stop asking such things.",
    "Look it up yourself.",
    "That was a silly question.",
    "I have no time for this.",
)
MISLABELLED = 0.05
"""Share of the pairs whose labels are swapped."""
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_pairs(n: int, seed: int = 0) -> list[dict[str, str]]:
    """`n` different pairs (at most 5184), the same for the same seed."""
    everything = [
        (thing, form, friendly, grumble)
        for thing in THINGS
        for form in range(len(QUESTIONS))
        for friendly in FRIENDLY
        for grumble in GRUMBLES
    ]
    if n > len(everything):
        raise ValueError(f"{n} pairs were asked for; there are only {len(everything)}")
    draw = random.Random(seed)
    return [_pair(*row, swapped=draw.random() < MISLABELLED) for row in draw.sample(everything, n)]


def _pair(thing: str, form: int, friendly: str, grumble: str, *, swapped: bool) -> dict[str, str]:
    question, answer = (text.format(*THINGS[thing], thing=thing) for text in QUESTIONS[form])
    good, bad = f"{friendly} {answer}", f"{answer} {grumble}"
    if swapped:
        good, bad = bad, good
    return {"question": question, "good_response": good, "bad_response": bad}


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """One JSON object a line; makes the directory. Gives back `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The same rows as Parquet; makes the directory. Gives back `path`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def _tokenizer(texts: Sequence[str]) -> Any:
    """A byte-level BPE trained on `texts`, with ChatML's special tokens and template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=768,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([*texts, "user assistant system"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=512,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(
    directory: Path, *, seed: int = 0, teach_steps: int = 650, hidden: int = 64, layers: int = 3
) -> Path:
    """A Qwen2-shaped model with tokenizer in `directory`, the same for the same seed.

    It is taught for `teach_steps` steps (0: random weights) to answer in either manner, so that
    its answers before and after preference training differ visibly. Returns `directory`.
    """
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    directory.mkdir(parents=True, exist_ok=True)
    rows = make_pairs(2000, seed + 1)
    texts = [
        f"{row['question']} {row[key]}" for row in rows for key in ("good_response", "bad_response")
    ]
    tokenizer = _tokenizer(texts)
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=5 * hidden // 2,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=48,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # So small a model gains nothing from two, and a busy machine loses much.
    _teach(model, tokenizer, rows, teach_steps, seed)
    torch.set_num_threads(threads)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _teach(
    model: Any, tokenizer: Any, rows: Sequence[dict[str, str]], steps: int, seed: int
) -> None:
    """Next-token training on whole conversations, each answered in one of the two manners."""
    import torch

    draw = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=max(steps, 1))
    model.train()
    for _ in range(steps):
        batch = [
            tokenizer.apply_chat_template(
                [
                    {"role": "user", "content": row["question"]},
                    {
                        "role": "assistant",
                        "content": row[draw.choice(("good_response", "bad_response"))],
                    },
                ],
                tokenize=False,
            )
            for row in draw.choices(rows, k=24)
        ]
        inputs = tokenizer(batch, return_tensors="pt", padding=True)
        labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A tiny chat model and preference pairs.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    begin = time.monotonic()
    write_jsonl(
        arguments.directory / "data" / "train.jsonl", make_pairs(arguments.pairs, arguments.seed)
    )
    make_model(arguments.directory / "model", seed=arguments.seed)
    print(f"wrote {arguments.directory} in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
