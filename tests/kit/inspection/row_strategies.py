"""Rows with all that message lists may hold, for the property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

words = st.text(st.characters(codec="utf-8"), max_size=8)
some = st.sampled_from(["red", "blue", "red ", "green"])
arguments = st.one_of(
    st.sampled_from(['{"city": "Rome"}', "", "not JSON"]),
    st.dictionaries(
        st.sampled_from(["city", "days"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words),
        max_size=2,
    ),
    st.lists(st.integers(0, 3), max_size=2),
)
call = st.builds(
    lambda name, given: {"type": "function", "function": {"name": name, "arguments": given}},
    st.sampled_from(["clock", "map"]),
    arguments,
)
tools = st.one_of(
    st.none(),
    st.sampled_from(["", "[]", '[{"name": "clock"}]']),
    st.lists(
        st.fixed_dictionaries(
            {"type": st.just("function"), "function": st.fixed_dictionaries({"name": words})}
        ),
        max_size=2,
    ),
)
parts = st.lists(
    st.one_of(some, st.fixed_dictionaries({"type": st.just("text"), "text": some})),
    min_size=1,
    max_size=2,
)
content = st.one_of(some, some, words, parts)


def turn(role: str) -> st.SearchStrategy[dict[str, Any]]:
    """A turn with content, and perhaps with further keys."""
    return st.fixed_dictionaries(
        {"role": st.just(role), "content": content},
        optional={"name": st.one_of(some, st.integers(0, 5)), "thinking": some},
    )


calling = st.fixed_dictionaries(
    {"role": st.just("assistant"), "tool_calls": st.lists(call, min_size=1, max_size=2)},
    optional={"content": st.one_of(st.none(), some)},
)
answer = st.one_of(
    turn("assistant").map(lambda message: [message]),
    calling.map(lambda message: [message]),
    st.builds(
        lambda call, result, reply: [call, {"role": "tool", "content": result}, reply],
        calling,
        some,
        turn("assistant"),
    ),
)
opening = st.builds(
    lambda before, question: [*before, question],
    st.lists(st.one_of(turn("system"), turn("user"), turn("assistant")), max_size=1),
    turn("user"),
)


def _whole(shared: list[Any], chosen: list[Any], rejected: list[Any]) -> dict[str, Any]:
    return {"chosen": shared + chosen, "rejected": shared + rejected}


conversations = st.one_of(
    st.fixed_dictionaries(
        {"prompt": opening, "chosen": answer, "rejected": answer}, optional={"tools": tools}
    ),
    st.builds(_whole, opening, answer, answer),
)
"""Conversations, with an explicit prompt or with it inside both."""
