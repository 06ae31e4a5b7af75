"""The evaluation after training in the plan: its time, its memory, its cost, and the budget."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.kit.planning import catalogue, job, pool, report, shape

from dpojob_api.plan import Estimate, Plan, Refusal
from dpojob_api.report import InspectionReport, Lengths, Percentiles
from dpojob_planner import plan

REWARD_MODEL = {"rewardModel": {"repo": "org/reward"}}
ENDPOINT = {
    "url": "https://llm.internal/v1",
    "model": "big",
    "inputPrice": "2",
    "outputPrice": "10",
}
LENGTHS = Lengths(
    prompt=Percentiles(p50=80, p95=200, p99=300, max=400, mean=100),
    chosen=Percentiles(p50=90, p95=200, p99=300, max=600, mean=125),
    longest=Percentiles(p50=400, p95=900, p99=1100, max=3000, mean=450),
)


def inspected(eval_rows: int = 400, **changes: Any) -> InspectionReport:
    found = report(shape("qwen2.5-1.5b"), 10_000)
    return found.model_copy(update={"eval_rows": eval_rows, "lengths": LENGTHS, **changes})


def planned(
    evaluation: dict[str, Any] | None = None, found: InspectionReport | None = None, **spec: Any
) -> Plan:
    wanted = {} if evaluation is None else {"evaluation": evaluation}
    spec = {"training": {"method": "lora"}, **spec}
    answer = plan(job(**wanted, **spec), found or inspected(), [pool(memory=80, perNode=2)])
    assert isinstance(answer, Plan), answer
    return answer


def estimated(*args: Any, **kwargs: Any) -> Estimate:
    return planned(*args, **kwargs).estimate


def test_every_job_with_held_out_pairs_answers_a_few_prompts() -> None:
    without, made = estimated(found=inspected(0)), estimated()
    assert without.answer_seconds == 0 and 0 < made.answer_seconds <= 300
    assert made.judge_seconds == 0 and made.judge_cost == 0
    assert not any("evaluation after training" in reason for reason in planned().reasons)
    assert made.hours == pytest.approx(made.seconds() / 3600, abs=1e-4)


def test_judged_answers_grow_with_the_prompts_until_the_time_for_them_ends() -> None:
    few = estimated({"judge": REWARD_MODEL, "prompts": {"max": 32}}).answer_seconds
    assert estimated({"judge": REWARD_MODEL, "prompts": {"max": 320}}).answer_seconds == pytest.approx(10 * few, rel=0.01)  # fmt: skip
    assert estimated().answer_seconds == pytest.approx(few * 128 / 512, rel=0.1)
    # The number of prompts in a file is not known before it is read.
    file = {"fromEval": False, "max": 320, "volume": {"claimName": "prompts", "path": "p.jsonl"}}
    assert estimated({"judge": REWARD_MODEL, "prompts": file}).answer_seconds == pytest.approx(10 * few, rel=0.01)  # fmt: skip
    short = estimated({"judge": REWARD_MODEL, "maxDuration": "1m", "prompts": {"max": 320}})
    assert short.answer_seconds == 40 and short.judge_seconds <= 20


def test_a_token_of_a_small_batch_takes_the_reading_of_the_weights() -> None:
    """1.54B parameters at 100 TFLOP/s, 28 layers: about 4.4 ms of reading and 14 ms of launches a token."""
    made = estimated({"judge": REWARD_MODEL, "prompts": {"max": 160}})
    tokens = 2 * 10 * 512
    assert made.answer_seconds / tokens == pytest.approx(0.0044 + 0.014, rel=0.05)


@pytest.mark.parametrize(("rate", "seconds"), [(120, 200.0), (100_000, 400 * 2 / 8)])
def test_an_endpoint_takes_its_rate_or_its_replies(rate: int, seconds: float) -> None:
    endpoint = {**ENDPOINT, "requestsPerMinute": rate}
    assert estimated({"judge": {"endpoint": endpoint}}).judge_seconds == seconds


def test_an_endpoint_costs_its_tokens_and_the_longest_replies_under_way() -> None:
    made = planned({"judge": {"endpoint": ENDPOINT}})
    read, written = 400 * (250 + 100 + 2 * 125), 400 * 4 + 8 * 2048
    assert made.estimate.judge_cost == (read * 2 + written * Decimal(10)) / 1_000_000
    gpu = Decimal(str(made.estimate.hours)) * 2
    assert made.estimate.cost == gpu + made.estimate.judge_cost
    assert any("is asked 400 times, for about 0.66 of the cost" in line for line in made.reasons)
    assert made.wire()["estimate"]["judgeCost"] == "0.66"


def test_a_budget_that_only_the_judge_exceeds_is_refused_with_its_share() -> None:
    dear = {"judge": {"endpoint": {**ENDPOINT, "inputPrice": "50"}}}
    cost = estimated(dear).cost
    spec = job(evaluation=dear, budget={"maxCost": f"{cost - 2:.2f}"}, training={"method": "lora"})
    refusal = plan(spec, inspected(), [pool(memory=80)])
    assert isinstance(refusal, Refusal) and refusal.reason == "BudgetTooSmall"
    assert "Of it the evaluation is about" in refusal.error
    assert "evaluation.prompts.max" in refusal.error
    fewer = {**dear, "prompts": {"max": 20}}
    assert estimated(fewer, budget={"maxCost": f"{cost - 2:.2f}"}).judge_cost < Decimal(2)


def test_tasks_take_the_time_and_the_money_that_they_may() -> None:
    tasks = {"tasks": [{"name": "ifeval"}], "maxDuration": "30m"}
    made = planned(tasks)
    assert made.estimate.task_seconds == 1800 and made.estimate.judge_seconds == 0
    assert made.estimate.answer_seconds == estimated().answer_seconds
    assert made.estimate.hours == pytest.approx(estimated().hours + 0.5, abs=1e-3)
    assert any("evaluation.tasks take at most 30m" in line and "1.00 of the cost" in line for line in made.reasons)  # fmt: skip
    assert made.wire()["estimate"]["taskSeconds"] == 1800
    # Beside a judge they have a third, and the evaluation never takes more than it may.
    judged = estimated({**tasks, "judge": REWARD_MODEL, "prompts": {"max": 320}})
    assert judged.task_seconds == 600
    assert judged.answer_seconds <= 600 and judged.after_seconds() <= 1800


def test_a_budget_that_tasks_exceed_is_refused_and_a_shorter_time_for_them_fits() -> None:
    cost = estimated().cost
    for duration, fits in (("4h", False), ("2m", True)):
        tasks = {"tasks": [{"name": "ifeval"}], "maxDuration": duration}
        spec = job(evaluation=tasks, budget={"maxCost": f"{cost + 1:.2f}"}, training={"method": "lora"})  # fmt: skip
        answer = plan(spec, inspected(), [pool(memory=80)])
        assert isinstance(answer, Plan) == fits
        if isinstance(answer, Refusal):
            assert "a lower evaluation.maxDuration takes less" in answer.error


def test_tasks_hold_the_logits_of_a_sample_twice() -> None:
    """Qwen2.5's 151,936 tokens: 2 bytes of each for 1,024 positions, twice, are 0.58 GiB."""
    training = {"method": "lora", "batchSize": 1, "maxLength": 1024}
    with_tasks = needed_gib({"tasks": [{"name": "ifeval"}]}, training=training)
    assert 0.4 <= with_tasks - needed_gib({"judge": REWARD_MODEL}, training=training) <= 0.7


def needed_gib(evaluation: dict[str, Any], **spec: Any) -> float:
    """The memory that the plan names for the evaluation."""
    lines = planned(evaluation, **spec).reasons
    found = next(each for each in lines if "The evaluation after training" in each)
    return float(found.split("at least ")[1].split(" GiB")[0])


def test_a_longer_context_holds_keys_and_values_of_each_of_its_tokens() -> None:
    """Qwen2.5-1.5B has 28 layers with 2 heads of 128 keys and as many values, of 2 bytes: 28 KiB a token."""
    needed = [
        needed_gib(
            {"judge": REWARD_MODEL}, training={"method": "lora", "batchSize": 1, "maxLength": n}
        )
        for n in (1024, 9216)
    ]
    assert needed[1] - needed[0] == pytest.approx(8192 * 28 / 2**20, abs=0.1)


def test_gpus_that_do_not_share_the_weights_hold_all_of_them_each() -> None:
    one, two = (needed_gib({"judge": REWARD_MODEL}, hardware={"gpus": n}) for n in (1, 2))
    assert one == two


def test_a_reward_model_reads_the_prompt_and_both_answers() -> None:
    """2 FLOP for each of its 500 million parameters and each token, at 100 TFLOP/s."""
    evaluation = {"judge": REWARD_MODEL, "prompts": {"max": 100}}
    made = estimated(evaluation, inspected(reward_model_bytes=10**9))
    assert made.judge_seconds == pytest.approx(2 * 5e8 * 200 * (100 + 512) / 1e14, abs=0.01)
    program = {
        "judge": {"program": {"volume": {"claimName": "judge", "path": "score"}}},
        "prompts": {"max": 100},
    }
    assert estimated(program, inspected(reward_model_bytes=10**9)).judge_seconds == 0


def test_a_reward_model_larger_than_the_training_needs_a_pool_that_holds_it() -> None:
    training = {"method": "lora", "batchSize": 1, "maxLength": 256}
    small = inspected()
    large = inspected(reward_model_bytes=16 * 10**9)
    spec = job(evaluation={"judge": REWARD_MODEL}, training=training)
    pools = [pool("tight", 16), pool("wide", 24, hourlyPrice="3")]
    first, second = plan(spec, small, pools), plan(spec, large, pools)
    assert isinstance(first, Plan) and isinstance(second, Plan)
    assert (first.pool, second.pool) == ("tight", "wide")
    assert "rewardModel" in second.memory_gib.parts and "optimizer" in first.memory_gib.parts
    assert second.memory_gib.needed == pytest.approx(16e9 / 2**30 + 0.6, abs=0.02)
    assert any("needs at least 15.5 GiB" in line for line in second.reasons)
    # Without a judge nothing of it is loaded.
    unjudged = plan(job(training=training), large, pools)
    assert isinstance(unjudged, Plan) and unjudged.pool == "tight"


def test_answering_alone_never_needs_more_than_training() -> None:
    """But for an adapter that is trained further, beside which the base is loaded twice."""
    for method in ("full", "lora", "qlora"):
        for memory in (16, 24, 80):
            pools = [pool(memory=memory)]
            spec = job(evaluation={"judge": REWARD_MODEL}, training={"method": method})
            with_judge = plan(spec, inspected(), pools)
            without = plan(job(training={"method": method}), inspected(), pools)
            assert type(with_judge) is type(without)
            if isinstance(with_judge, Plan) and isinstance(without, Plan):
                assert with_judge.memory_gib == without.memory_gib


def test_each_pool_of_the_catalogue_gets_a_finite_time() -> None:
    spec = job(evaluation={"judge": REWARD_MODEL})
    for each in catalogue():
        answer = plan(spec, inspected(), [each])
        if isinstance(answer, Plan):
            assert 0 < answer.estimate.answer_seconds <= 2400


def test_judging_each_evaluation_takes_its_time_and_the_reward_model_beside_the_training() -> None:
    judged = {"judge": REWARD_MODEL, "everyEval": True, "prompts": {"max": 320}}
    found = inspected(90, reward_model_bytes=2 * 2**30)
    without, made = planned({**judged, "everyEval": False}, found), planned(judged, found)
    assert made.memory_gib.needed == pytest.approx(without.memory_gib.needed + 2, abs=0.02)
    assert made.estimate.evaluation_seconds > without.estimate.evaluation_seconds + 1
    # A third of the prompts is judged during training, and the others after it.
    assert any("answers 60 prompts" in line for line in made.reasons)
    assert any("30 more prompts are answered and judged" in line for line in made.reasons)
    two = plan(
        job(evaluation=judged, training={"method": "lora"}, hardware={"gpus": 2}), found,
        [pool(memory=80, perNode=2)],
    )  # fmt: skip
    assert isinstance(two, Plan) and two.memory_gib.parts.get("rewardModel") is None
    assert any("everyEval is for one GPU" in line for line in two.reasons)
    few = planned(judged, inspected(29))
    assert any("answers 29 prompts" in line for line in few.reasons)
    assert any("29 held-out pairs are fewer than the 30 that everyEval" in r for r in few.reasons)


@pytest.mark.parametrize("gpus", [1, 2])
def test_the_share_of_the_evaluation_counts_all_gpus(gpus: int) -> None:
    tasks = {"tasks": [{"name": "ifeval"}], "maxDuration": "4h"}
    spec = job(evaluation=tasks, budget={"maxCost": "1"}, hardware={"gpus": gpus})
    refusal = plan(spec, inspected(0), [pool(memory=80, perNode=2)])
    assert isinstance(refusal, Refusal)
    assert f"and {4 * 2 * gpus}.00; a lower evaluation.maxDuration" in refusal.error


NO_PROMPTS = LENGTHS.model_copy(update={"prompt": Percentiles(p50=0, p95=0, p99=0, max=0)})


@pytest.mark.parametrize(("lengths", "answer"), [(None, 512), (NO_PROMPTS, 125)])
def test_without_lengths_a_prompt_is_half_of_a_row_and_an_answer_as_long_as_it_may_be(
    lengths: Lengths | None, answer: int
) -> None:
    made = estimated({"judge": {"endpoint": ENDPOINT}}, inspected(lengths=lengths))
    read, written = 400 * (250 + 1024 // 2 + 2 * answer), 400 * 4 + 8 * 2048
    assert made.judge_cost == (read * 2 + written * Decimal(10)) / 1_000_000


def test_the_reasons_say_that_answers_are_judged_where_they_are() -> None:
    for evaluation, judged in (
        ({"judge": REWARD_MODEL}, True),
        ({"tasks": [{"name": "ifeval"}]}, False),
    ):
        reasons = " ".join(planned(evaluation).reasons)
        assert ("and judges the answers" in reasons) is judged
