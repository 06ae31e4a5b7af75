"""Values of several types in a structural schema; what the API server makes of it is tested on one."""

from __future__ import annotations

import pytest

from dpojob_api.crd.type_unions import union_of_types


def test_integers_and_texts_have_a_keyword_of_their_own() -> None:
    assert union_of_types(["integer", "string"], {}) == {"x-kubernetes-int-or-string": True}


def test_the_other_types_are_excluded_and_the_allowed_ones_named_first() -> None:
    named, excluded = union_of_types(["string", "array"], {"type": "string"})["anyOf"]
    assert named == {"enum": ["a text", "a list of texts"]}
    assert set(excluded) == {"minimum", "maximum", "not", "minProperties", "maxProperties"}
    named, excluded = union_of_types(["string", "number", "boolean", "array"], {})["anyOf"]
    assert named == {"enum": ["a text", "a number", "true or false", "a list"]}
    assert set(excluded) == {"minProperties", "maxProperties"}


@pytest.mark.parametrize("types", [["number", "boolean"], ["string", "integer", "array"]])
def test_other_unions_are_refused(types: list[str]) -> None:
    with pytest.raises(ValueError, match="no structural schema is known"):
        union_of_types(types, {})
