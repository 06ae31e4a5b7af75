"""A row of each known layout of tuning services and of NeMo, and the pair that it holds."""

from __future__ import annotations

from typing import Any

from .messages import CONVERSATION, Case, answer, turns

WITH_SYSTEM = {**CONVERSATION, "prompt": [{"role": "system", "content": "be kind"}, *turns("q")]}


def parts(role: str, *texts: str) -> dict[str, Any]:
    """Content of Vertex AI."""
    return {"role": role, "parts": [{"text": text} for text in texts]}


def candidate(text: str, label: str) -> dict[str, Any]:
    """An answer of Amazon Bedrock."""
    return {"content": [{"text": text}], "preferenceLabel": label}


def bedrock(*candidates: dict[str, Any]) -> dict[str, Any]:
    """A row of Amazon Bedrock."""
    return {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"text": "q"}]},
            {"role": "assistant", "candidates": list(candidates)},
        ],
    }


def completion(rank: float | None, text: str) -> dict[str, Any]:
    """An answer of NeMo-RL."""
    return {"rank": rank, "completion": answer(text)}


def scored(score: float | None, text: str) -> dict[str, Any]:
    """An answer of Vertex AI."""
    return {"score": score, "completion": parts("model", text)}


NEMO_PROMPT = "<extra_id_0>System\nbe kind\n<extra_id_1>User\nq\n<extra_id_1>Assistant\n"
SERVICES: list[Case] = [
    (
        "nemo-rl",
        {"context": turns("q"), "completions": [completion(1, "bad"), completion(0, "good")],
         "task_name": "t"},
        CONVERSATION,
    ),
    (
        "vertex",
        {"systemInstruction": parts("system", "be kind"), "contents": [parts("user", "q")],
         "completions": [scored(0.0, "bad"), scored(1.0, "good")]},
        WITH_SYSTEM,
    ),
    (
        "bedrock",
        bedrock(candidate("bad", "non-preferred"), candidate("good", "preferred")),
        WITH_SYSTEM,
    ),
    (
        "nemo-aligner",
        {"prompt": NEMO_PROMPT, "chosen_response": "good\n<extra_id_1>",
         "rejected_response": "bad\n<extra_id_1>", "chosen_reward": 4, "rejected_reward": 2},
        WITH_SYSTEM,
    ),
]  # fmt: skip
