"""A row of each known layout of two answers and a vote, and the pair that it holds."""

from __future__ import annotations

from .messages import CONVERSATION, EXPECTED, Case, turns

POST = {
    "id": "t3_1",
    "post": "text",
    "title": "q",
    "subreddit": "tifu",
    "site": None,
    "article": None,
}
COMPARISONS: list[Case] = [
    (
        "helpsteer2",
        {"prompt": "q", "response_1": "bad", "response_2": "good", "preference_strength": 2,
         "preference_statement": "Response 2 is better than Response 1."},
        EXPECTED,
    ),
    (
        "helpsteer3-edit",
        {"context": turns("q"), "original_response": "bad", "edited_response": "good",
         "change_summary": "better", "feedback": ["bad"]},
        CONVERSATION,
    ),
    (
        "summarize-from-feedback",
        {"info": POST, "summaries": [{"text": " bad", "policy": "a"}, {"text": " good", "policy": "b"}],
         "choice": 1, "split": "train"},
        {"prompt": "SUBREDDIT: r/tifu\n\nTITLE: q\n\nPOST: text\n\nTL;DR:", "chosen": "good",
         "rejected": "bad"},
    ),
    (
        "webgpt",
        {"question": {"dataset": "d", "id": "1", "full_text": "q"}, "answer_0": "good", "score_0": 0.5,
         "answer_1": "bad", "score_1": -0.5},
        EXPECTED,
    ),
]  # fmt: skip
