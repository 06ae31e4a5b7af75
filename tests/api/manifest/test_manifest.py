"""Manifests checked without an API server: the same tables of manifests, with the same results."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.kit.repository import ROOT

from dpojob_api.manifest import ManifestError, load, load_all
from dpojob_api.manifest.cel_rules import child_model, rule_holds, rules_of
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.spec import DPOJobSpec

MANIFESTS = ROOT / "tests/api/manifests"
SHORTEST: dict[str, Any] = {
    "apiVersion": "dpojob.dev/v1alpha1",
    "kind": "DPOJob",
    "metadata": {"name": "t"},
    "spec": {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}},
}


def table(name: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted((MANIFESTS / name).iterdir())]


def job(**spec: Any) -> dict[str, Any]:
    document = copy.deepcopy(SHORTEST)
    document["spec"] |= spec
    return document


def refusal(document: Any) -> str:
    with pytest.raises(ManifestError) as caught:
        load([document])
    return str(caught.value)


@pytest.mark.parametrize("path", table("accepted"))
def test_accepted(path: Path) -> None:
    manifest = load_all(yaml.safe_load_all(path.read_text()))
    assert manifest.job is not None or manifest.pools or manifest.others


@pytest.mark.parametrize("path", table("rejected"))
def test_rejected_with_the_field_or_the_message_that_the_server_gives(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# message: ")
    with pytest.raises(ManifestError) as caught:
        load_all(yaml.safe_load_all(path.read_text()))
    assert expected.removesuffix(": Required") in str(caught.value)


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if (child := child_model(field.annotation)) is not None:
            yield from models(child)


@pytest.mark.parametrize("model", [DPOJobSpec, GPUPoolSpec])
def test_every_rule_of_the_schema_has_a_meaning_here(model: type[BaseModel]) -> None:
    found = [rule for part in models(model) for rule in rules_of(part)]
    assert found
    for rule in found:
        rule_holds(rule["rule"], {"min": "1B", "max": "2B", "mountPath": "/data"})


def test_all_errors_are_reported_at_once() -> None:
    text = refusal(
        job(model={}, training={"beta": 0, "method": "Lora"}, hardware={"gpus": 3, "nodes": 2})
    )
    assert "set exactly one of repo, volume or fromJob" in text
    assert "spec.training.beta is 0; it must be greater than 0" in text
    assert "did you mean lora?" in text
    assert "gpus must be a multiple of nodes" in text


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"training": {"learnngRate": 1}}, "did you mean learningRate?"),
        ({"training": {"epochz": 1}}, "did you mean epochs?"),
        ({"learningRate": 1}, "write spec.training.learningRate"),
        ({"maxLenght": 1}, "did you mean spec.training.maxLength?"),
        ({"budget": {"maxCost": 20}}, 'write it in quotes, "20"'),
        ({"budget": {"maxDuration": "6 hours"}}, "90s, 45m, 6h"),
        ({"training": {"batchSize": "8"}}, "it must be a whole number: write 8, without quotes"),
        ({"training": {"learningRate": float("nan")}}, "is not a finite number"),
        ({"suspend": "yes"}, "it must be true or false"),
        ({"output": "somewhere"}, "it must be a mapping"),
        ({"training": "lora"}, "it must be a mapping with fields of epochs, learningRate, beta"),
        ({"dataset": {"urls": "x"}}, "it must be a list"),
        ({"model": {"repo": "x" * 300}}, "at most 200 characters"),
    ],
)
def test_the_remedy_is_named(spec: dict[str, Any], expected: str) -> None:
    assert expected in refusal(job(**spec))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"apiVersion": "dpojob.dev/v1"}, "write dpojob.dev/v1alpha1"),
        ({"kind": "DpoJob"}, "did you mean DPOJob?"),
        (
            {"apiVersion": "DPOJob", "kind": "dpojob.dev/v1alpha1"},
            "write apiVersion: dpojob.dev/v1alpha1, kind: DPOJob",
        ),
        ({"metadata": {}}, "metadata.name is required"),
        (
            {"metadata": {"name": "x", "namespace": "Team_A"}},
            'metadata.namespace is "Team_A": use at most 63 lower-case letters',
        ),
        ({"metadata": {"name": "x", "namespace": "a.b"}}, 'metadata.namespace is "a.b"'),
        ({"metadata": {"name": "x", "namespace": "a" * 64}}, "use at most 63 lower-case letters"),
        ({"metadata": {"name": "Has_Capitals"}}, "lower-case"),
        ({"speck": {}}, "did you mean spec?"),
        ({"training": {}}, "it belongs in spec"),
        ({"name": "x"}, 'unknown field "name": it belongs in metadata'),
        ({"spec.model.repo": "a/b"}, 'write spec: {model: {repo: "a/b"}}'),
        ({"metadata": "helpful"}, "it must be a mapping: write {name: helpful}"),
        ({"metadata": {"nmae": "x"}}, 'unknown field "metadata.nmae": did you mean name?'),
    ],
)
def test_the_frame_is_checked_too(change: dict[str, Any], expected: str) -> None:
    assert expected in refusal(SHORTEST | change)


def test_a_null_is_a_field_left_out_as_the_server_has_it() -> None:
    assert load([job(output=None, training={"method": None})]).spec.training.method == "auto"


def test_nulls_in_free_form_arguments_stay() -> None:
    loaded = load([job(training={"arguments": {"max_steps": None}})])
    assert loaded.spec.training.arguments == {"max_steps": None}


def test_pools_are_loaded_and_other_kinds_are_ignored() -> None:
    spec = {"gpu": {"model": "T4", "memoryGiB": 16}}
    pool = SHORTEST | {"kind": "GPUPool", "metadata": {"name": "p"}, "spec": spec}
    other_kind = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    manifest = load_all([other_kind, None, SHORTEST, pool])
    assert manifest.job is not None
    assert [p.name for p in manifest.pools] == ["p"]
    assert manifest.others == 1


def test_two_jobs_are_one_too_many_and_none_is_too_few() -> None:
    with pytest.raises(ManifestError, match=r"2 DPOJobs here \(t, t\)"):
        load_all([SHORTEST, SHORTEST])
    with pytest.raises(ManifestError, match="there is no DPOJob here"):
        load([])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
parts = st.sampled_from(["model", "dataset", "training", "hardware", "budget", "output", "samples"])


@settings(max_examples=300, deadline=None)
@given(spec=st.dictionaries(parts, values) | values, document=values)
def test_no_document_whatever_is_more_than_a_manifest_error(spec: Any, document: Any) -> None:
    for candidate in (
        document,
        SHORTEST | {"spec": spec},
        job(**spec) if isinstance(spec, dict) else spec,
    ):
        try:
            load([candidate])
        except ManifestError as error:
            assert error.problems
