"""What holds for every plan, whatever the job, the model and the pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.planner.strategies import MODELS, models, pool_lists, sizes, specs
from tests.kit.planning import pool, report, shape

from dpojob_api.plan import Plan, Refusal
from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState, plan
from dpojob_planner.candidates import PRECOMPUTE_MIN_SAVING
from dpojob_planner.estimates import (
    MEMORY_MARGIN,
    DeviceSettings,
    estimate_memory,
    infer_model_shape,
)
from dpojob_planner.search_space import device_batch_sizes

LADDER = ["full", "lora", "qlora"]


@settings(max_examples=200, deadline=None)
@given(spec=specs(), model=models, pools=pool_lists())
def test_a_plan_is_exact_within_memory_and_repeatable(
    spec: DPOJobSpec, model: ModelFacts, pools: list[PoolState]
) -> None:
    answer = plan(spec, report(model), pools)
    assert answer == plan(spec, report(model), list(reversed(pools)))
    assert {line.pool for line in answer.considered} == {each.name for each in pools}
    if isinstance(answer, Refusal):
        assert answer.error
        return
    each = answer.per_device_batch_size
    assert each * answer.gradient_accumulation * answer.gpus == spec.training.batch_size
    memory = answer.memory_gib
    assert memory.margin >= MEMORY_MARGIN * memory.available
    assert memory.needed + memory.margin <= memory.available + 0.03  # Each is rounded upwards.
    assert sum(answer.memory_gib.parts.values()) <= answer.memory_gib.needed + 0.01
    assert answer.max_length == spec.training.max_length
    if spec.training.method != "auto":
        assert answer.method == spec.training.method
    if spec.hardware.gpus is not None:
        assert answer.gpus == spec.hardware.gpus
    assert [line.verdict for line in answer.considered].count("chosen") == 1
    assert Plan.model_validate_json(answer.wire_json()).wire() == answer.wire()


@settings(max_examples=150, deadline=None)
@given(spec=specs(), model=models, memory=st.floats(4, 150), more=st.floats(0, 100))
def test_more_memory_never_makes_a_plan_worse(
    spec: DPOJobSpec, model: ModelFacts, memory: float, more: float
) -> None:
    before = plan(spec, report(model), [pool(memory=memory, perNode=4)])
    after = plan(spec, report(model), [pool(memory=memory + more, perNode=4)])
    if isinstance(before, Refusal):
        return
    assert isinstance(after, Plan)

    def worth(answer: Plan) -> tuple[int, int, float]:
        share = PRECOMPUTE_MIN_SAVING if answer.precompute_reference else 0.0
        return (answer.gpus, LADDER.index(answer.method), answer.estimate.hours / (1 - share))

    assert worth(after) <= worth(before)


@settings(max_examples=150, deadline=None)
@given(
    spec=specs(), model=models, pools=pool_lists(), index=st.integers(0, 4), more=st.floats(0, 100)
)
def test_more_memory_in_one_pool_never_moves_the_choice_to_a_later_one(
    spec: DPOJobSpec, model: ModelFacts, pools: list[PoolState], index: int, more: float
) -> None:
    chosen = pools[index % len(pools)]
    gpu = chosen.spec.gpu.model_copy(update={"memory_gib": chosen.spec.gpu.memory_gib + more})
    grown = PoolState(chosen.name, chosen.spec.model_copy(update={"gpu": gpu}))
    before = plan(spec, report(model), pools)
    after = plan(spec, report(model), [grown if each is chosen else each for each in pools])
    if isinstance(before, Plan):
        assert isinstance(after, Plan)
        assert after.gpus <= before.gpus


METHODS = st.sampled_from(LADDER)


@settings(max_examples=300, deadline=None)
@given(
    one=sizes,
    other=sizes,
    method=METHODS,
    pairs=st.integers(1, 16),
    checkpointing=st.booleans(),
    precompute=st.booleans(),
    accumulated=st.booleans(),
)
def test_a_larger_model_never_needs_less(
    one: int, other: int, method: Any, pairs: int, checkpointing: bool, precompute: bool, accumulated: bool
) -> None:  # fmt: skip
    settings = DeviceSettings(method, pairs, 1024, checkpointing, precompute, accumulated)
    small, large = sorted((one, other))
    less = estimate_memory(infer_model_shape(ModelFacts(parameters=small)), settings).total_gib
    assert (
        less <= estimate_memory(infer_model_shape(ModelFacts(parameters=large)), settings).total_gib
    )


def dense(dimensions: Sequence[int], tied: bool) -> ModelFacts:
    """A dense model of the given layers, heads, MLP and vocabulary, with its exact number of parameters."""
    layers, heads, intermediate, vocabulary = dimensions
    hidden = heads * 64
    inside = layers * (4 * hidden * hidden + 3 * hidden * intermediate)
    embeddings = vocabulary * hidden * (1 if tied else 2)
    return ModelFacts(
        parameters=inside + embeddings + (2 * layers + 1) * hidden,
        hidden_size=hidden,
        intermediate_size=intermediate,
        layers=layers,
        attention_heads=heads,
        key_value_heads=heads,
        head_dim=64,
        vocabulary=vocabulary,
        embedding_parameters=embeddings,
        tied_embeddings=tied,
        linear_parameters=inside,
        adapter_parameters_per_rank=layers * (8 * hidden + 3 * (hidden + intermediate)),
    )


@settings(max_examples=300, deadline=None)
@given(
    dimensions=st.tuples(
        st.integers(1, 96), st.integers(1, 128), st.integers(64, 32768), st.integers(256, 262144)
    ),
    dimension=st.integers(0, 3),
    factor=st.floats(1, 3),
    tied=st.booleans(),
    method=METHODS,
    pairs=st.integers(1, 8),
    checkpointing=st.booleans(),
    accumulated=st.booleans(),
)
def test_a_model_larger_in_one_dimension_never_needs_less(
    dimensions: tuple[int, ...], dimension: int, factor: float, tied: bool,
    method: Any, pairs: int, checkpointing: bool, accumulated: bool,
) -> None:  # fmt: skip
    grown = list(dimensions)
    grown[dimension] = int(grown[dimension] * factor)
    settings = DeviceSettings(method, pairs, 1024, checkpointing, accumulated=accumulated)
    less = estimate_memory(infer_model_shape(dense(dimensions, tied)), settings).total_gib
    assert less <= estimate_memory(infer_model_shape(dense(grown, tied)), settings).total_gib + 1e-9


@settings(max_examples=200, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    method=METHODS,
    pairs=st.integers(1, 16),
    length=st.sampled_from([64, 512, 1024, 4096]),
    checkpointing=st.booleans(),
    gpus=st.sampled_from([2, 4, 8]),
)
def test_every_saving_saves(
    model: str, method: Any, pairs: int, length: int, checkpointing: bool, gpus: int
) -> None:
    facts = infer_model_shape(shape(model))

    def gib(**changes: Any) -> float:
        fields = {
            "method": method,
            "pairs": pairs,
            "length": length,
            "checkpointing": checkpointing,
        }
        return estimate_memory(facts, DeviceSettings(**{**fields, **changes})).total_gib

    assert gib(length=length + 64) >= gib()
    assert gib(pairs=pairs + 1) >= gib()
    assert gib(precompute=True) <= gib()
    assert gib(accumulated=False) <= gib() + 1e-9
    assert gib(replicas=gpus) >= gib()


@given(batch=st.integers(1, 4096), gpus=st.integers(1, 64))
def test_batches_divide_and_fall(batch: int, gpus: int) -> None:
    share = batch * gpus
    found = device_batch_sizes(share, gpus)
    assert found[0] == batch
    assert found[-1] == 1
    assert found == sorted(set(found), reverse=True)
    assert all(batch % size == 0 for size in found)
