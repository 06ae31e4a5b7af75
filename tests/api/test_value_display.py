"""What is shown to be pasted is read back as the same value."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dpojob_api.value_display import flow_yaml, show_value

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


@given(VALUES)
def test_yaml_reads_the_same_value(value: Any) -> None:
    assert yaml.safe_load(flow_yaml(value)) == value


@pytest.mark.parametrize(
    "name", ["no", "yes", "null", "true", "1e5", "a: b", "it's", "y", "a\nb", "chosen"]
)
def test_a_name_is_written_as_yaml_reads_it_back(name: str) -> None:
    assert yaml.safe_load(f"{{chosen: {flow_yaml(name)}}}") == {"chosen": name}


def test_a_long_value_is_cut() -> None:
    assert show_value("a" * 58) == '"' + "a" * 58 + '"'
    assert show_value("a" * 59) == '"' + "a" * 56 + "..."
