"""A row of each known layout of a published dataset or of a training framework, and the pair that it holds."""

from __future__ import annotations

from .messages import ASKED, CONVERSATION, EXPECTED, Case, answer, turns

DATASETS: list[Case] = [
    (
        "hh-rlhf",
        {"chosen": ASKED + " well", "rejected": ASKED + " badly"},
        {"prompt": turns("hi", "hello", "how?"), "chosen": answer("well"), "rejected": answer("badly")},
    ),
    (
        "orca",
        {"system": "be kind", "question": "q", "chosen": "good", "rejected": "bad"},
        {"prompt": "be kind\n\nq", "chosen": "good", "rejected": "bad"},
    ),
    (
        "orca",
        {"system": "", "question": "q", "chosen": "good", "rejected": "bad"},
        EXPECTED,
    ),
    (
        "ultrafeedback-preferences",
        {
            "source": "s", "instruction": "q", "chosen_response": "good", "rejected_response": "bad",
            "chosen_avg_rating": 5.0, "rejected_avg_rating": 2.5, "chosen_model": "m",
        },
        EXPECTED,
    ),
    (
        "ultrafeedback-cleaned",
        {
            "source": "s", "prompt": "q", "chosen": turns("q", "good"), "chosen-rating": 5.0,
            "chosen-model": "m", "rejected": turns("q", "bad"), "rejected-rating": 1.0,
            "rejected-model": "n",
        },
        CONVERSATION,
    ),
    (
        "ultrafeedback-binarized",
        {
            "prompt": "q", "prompt_id": "1", "chosen": turns("q", "good"), "rejected": turns("q", "bad"),
            "messages": turns("q", "good"), "score_chosen": 8.0, "score_rejected": 3.0,
        },
        CONVERSATION,
    ),
    (
        "ultrafeedback-trl",
        {"chosen": turns("q", "good"), "rejected": turns("q", "bad"), "score_chosen": 8.0, "score_rejected": 3.0},
        CONVERSATION,
    ),
    (
        "distilabel-orca",
        {
            "system": "be kind", "input": "q", "chosen": "good", "rejected": "bad", "status": "unchanged",
            "chosen_score": 9.0,
        },
        {"prompt": "be kind\n\nq", "chosen": "good", "rejected": "bad"},
    ),
    (
        "orpo-mix",
        {"source": "s", "prompt": "q", "chosen": turns("q", "good"), "rejected": turns("q", "bad")},
        CONVERSATION,
    ),
    (
        "helpsteer3",
        {
            "domain": "code", "language": "en", "context": turns("a", "b", "q"), "response1": "good",
            "response2": "bad", "overall_preference": -2,
        },
        {"prompt": turns("a", "b", "q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "helpsteer3",
        {"context": turns("q"), "response1": "bad", "response2": "good", "overall_preference": 3},
        CONVERSATION,
    ),
    (
        "openai",
        {
            "input": {"messages": turns("q"), "tools": [], "parallel_tool_calls": True},
            "preferred_output": answer("good"), "non_preferred_output": answer("bad"),
        },
        CONVERSATION,
    ),
    (
        "chosen-rejected-roles",
        {
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "chosen_gpt", "value": "good"},
                {"from": "rejected_gpt", "value": "bad"},
            ]
        },
        CONVERSATION,
    ),
    (
        "ms-swift",
        {"messages": turns("q", "good"), "rejected_response": "bad or worse"},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad or worse")},
    ),
    (
        "arena-55k",
        {"model_a": "m", "model_b": "n", "prompt": '["q"]', "response_a": '["bad"]', "response_b": '["good"]',
         "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0},
        CONVERSATION,
    ),
    (
        "nemo",
        {"context": "q", "chosen_response": "good", "rejected_response": "bad", "chosen_rating": 4,
         "rejected_rating": "2"},
        EXPECTED,
    ),
    (
        "nemo-aligner",
        {"prompt": "q", "chosen_response": "good", "rejected_response": "bad", "chosen_reward": 4,
         "rejected_reward": 2},
        EXPECTED,
    ),
    (
        "code-preference",
        {"input": "q", "accepted": "good", "rejected": "bad", "ID": 7},
        EXPECTED,
    ),
]  # fmt: skip
