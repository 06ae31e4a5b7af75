"""Prompts and answers of pairs are compared by bytes."""

from hypothesis import given
from hypothesis import strategies as st

from dpojob_trainer.shared.rows.preference_pair import comparable_bytes

TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"])},
    optional={
        "content": st.sampled_from(["", "a", "ab"]),
        "name": st.sampled_from(["", "a"]),
        "reasoning_content": st.sampled_from(["", "a"]),
        "tool_calls": st.lists(st.sampled_from([{"name": "f"}, {"name": "g"}]), min_size=1),
    },
)


@given(st.lists(TURN, min_size=2, max_size=3), st.lists(TURN, min_size=2, max_size=3))
def test_turns_that_say_different_things_have_different_bytes(left, right) -> None:
    left, right = ([{"content": "", **one} for one in turns] for turns in (left, right))
    assert (comparable_bytes(left) == comparable_bytes(right)) == (left == right)
