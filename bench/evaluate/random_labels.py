"""Trainings on pairs whose labels are random, each evaluated: how often do the intervals hold the truth?

For each seed a judge scores every answer to every prompt by chance. It labels the training pairs and the held-out ones,
and afterwards it judges both models' answers to the held-out prompts, as the judge of a real evaluation would. Nothing
can be learned from its labels that holds for another prompt, so the true win rate and the true held-out reward
accuracy are 50% exactly, while training changes the model as it always does.

The same answers are also judged by the demo's rule, whether an answer opens in a friendly way. By that a model trained on
random labels does change a little, since by chance more friendly answers are preferred than others. The true win rate
is known there too: it is computed from both models' probabilities of the friendly openings.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.pages import table
from bench.train.silence_output import silence_output
from tests.kit import tiny_models

from dpojob_api.evaluation import Evaluation, Interval

TRAINED_PROMPTS, TRAINED_PAIRS, HELD_OUT = 44, 64, 100
"""Prompts and pairs of one training, and held-out prompts, with a pair each. The demo has 144 prompts."""
CHANCE = """
import hashlib, sys
for line in sys.stdin:
    print(int.from_bytes(hashlib.sha256(("SEED " + line).encode()).digest()[:4], "big"))
"""
"""A program of a judge, with its seed: the same answer to the same prompt has the same score."""
JUDGE = {"program": {"volume": {"claimName": "seed", "path": "chance.py"}}}


@dataclass(frozen=True)
class Trained:
    """What one training on random labels led to."""

    by_chance: Evaluation
    """With the judge by whose labels the pairs were made."""
    by_rule: Evaluation
    """The same answers by the rule."""
    true_rate: float
    """The win rate by the rule over all answers that both models might give to the held-out prompts."""
    different: int
    """Prompts with two different answers."""


def make_inputs(directory: Path, teach_steps: int = 650) -> Path:
    """A claim with the demo's model, which samples its answers, and with the rule. Returns `directory`."""
    from tests.kit.training.judges import RULE
    from transformers import GenerationConfig

    tiny_models.make_model(directory / "model", teach_steps=teach_steps)
    settings = GenerationConfig.from_pretrained(directory / "model")
    settings.do_sample = True
    settings.save_pretrained(directory / "model")
    (directory / "rule.py").write_text(RULE, encoding="utf-8")
    return directory


def train_and_evaluate(inputs: Path, work: Path, seed: int) -> Trained:
    """Train on random labels and evaluate, by the trainer's own code.

    Args:
        inputs: What `make_inputs` made.
        work: An empty directory.
        seed: Of the pairs, of their labels, of the training and of the answers.
    """
    from tests.kit.training.tiny_job import build_job

    from dpojob_trainer.training import run

    _write_pairs(work, seed)
    job = build_job(
        inputs,
        work,
        spec={
            "dataset": {
                "volume": {"claimName": "seed", "path": "pairs"},
                "eval": {"split": "test"},
            },
            "training": {
                "learningRate": 5e-4,
                "batchSize": 8,
                "maxLength": 128,
                "seed": seed,
                "arguments": {"eval_steps": 4},
            },
            "samples": {"prompts": []},
            "evaluation": {"judge": JUDGE},
        },
        plan={"perDeviceBatchSize": 8, "gradientAccumulation": 1},
        volumes={"seed": work},
    )
    outcome = silence_output(partial(run, job))
    found = outcome.evaluation
    assert found is not None and found.win_rate is not None, outcome.message
    lines = (job.output / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == HELD_OUT
    return Trained(
        by_chance=found,
        by_rule=_judged_by_rule(inputs, work, records),
        true_rate=_true_rate(inputs / "model", job.output, [r["prompt"] for r in records]),
        different=sum(r["before"]["text"] != r["after"]["text"] for r in records),
    )


def measure_random_labels(directory: Path, seeds: int) -> list[str]:
    """A table of how often each interval holds 50%, and the truth; one training for each seed."""
    import torch

    from dpojob_trainer.training.evaluation.verdict import describe

    # So small a model gains nothing from more, and a busy machine loses much.
    torch.set_num_threads(1)
    inputs = silence_output(partial(make_inputs, directory / "inputs"))
    begin, trained = time.monotonic(), []
    for seed in range(seeds):
        work = directory / f"seed-{seed}"
        work.mkdir()
        trained.append(train_and_evaluate(inputs, work, seed))
        shutil.rmtree(work)
        found = trained[-1].by_chance.win_rate
        assert found is not None
        seconds = f"after {time.monotonic() - begin:.0f} s"
        print(f"{seed + 1} of {seeds} {seconds}: win rate {describe(found)}", file=sys.stderr)
    return report(trained)


def report(trained: Sequence[Trained]) -> list[str]:
    """The lines of the section."""
    count = len(trained)
    rows = [
        ("win rate by the labels' judge", [t.by_chance.win_rate for t in trained], [0.5] * count),
        (
            "win rate at equal length by the labels' judge",
            [t.by_chance.length_controlled_win_rate for t in trained],
            [0.5] * count,
        ),
        (
            "held-out reward accuracy",
            [t.by_chance.reward_accuracy for t in trained],
            [0.5] * count,
        ),
        (
            "win rate by the rule",
            [t.by_rule.win_rate for t in trained],
            [t.true_rate for t in trained],
        ),
    ]
    lines = [
        [
            name,
            f"{100 * statistics.fmean(truth):.1f}%, {100 * statistics.pstdev(truth):.1f} points",
            *(f"{_held(intervals, values)} of {count}" for values in ([0.5] * count, truth)),
        ]
        for name, intervals, truth in rows
    ]
    different = statistics.fmean(t.different for t in trained)
    header = ["figure", "its true value, mean and standard deviation", "95% interval holds 50%"]
    return [
        f"{count} trainings, each on {TRAINED_PAIRS} pairs of {TRAINED_PROMPTS} prompts, with {HELD_OUT} other prompts held "
        f"out, on which {different:.0f} answers of the tuned model differ from those of the model before on average. A judge "
        "that scores by chance labels the pairs and judges the answers, so no training makes a model better or worse by it. "
        "The rule, a friendly opening, is another judge of the same answers: by it the models do change, as their exact "
        "probabilities of such openings show, and the interval has to hold that change.",
        "",
        *table([*header, "holds the true value"], lines),
        "",
        *table(["verdict", "labels' judge", "rule"], _verdicts(trained)),
    ]


def _write_pairs(work: Path, seed: int) -> None:
    """The judge of this seed, and the pairs that it labels."""
    from dpojob_trainer.training.evaluation.judges import Exchange
    from dpojob_trainer.training.evaluation.judges.program import ProgramJudge

    judge = work / "chance.py"
    judge.write_text(CHANCE.replace("SEED", str(seed)), encoding="utf-8")
    draw = random.Random(seed)
    pairs = tiny_models.make_pairs(5184, seed)
    questions = sorted({pair["question"] for pair in pairs})
    draw.shuffle(questions)
    trained = set(questions[:TRAINED_PROMPTS])
    held_out = {pair["question"]: pair for pair in pairs if pair["question"] not in trained}
    training = [pair for pair in pairs if pair["question"] in trained][:TRAINED_PAIRS]
    scorer = ProgramJudge(judge, work / "scratch")
    for split, rows in (("train", training), ("test", [*held_out.values()][:HELD_OUT])):
        answers = [
            Exchange([{"role": "user", "content": row["question"]}], row[column])
            for row in rows
            for column in ("good_response", "bad_response")
        ]
        scores = scorer.scores(answers)
        for row, first, second in zip(rows, scores[::2], scores[1::2], strict=True):
            assert first is not None and second is not None
            if first < second:
                row["good_response"], row["bad_response"] = (
                    row["bad_response"],
                    row["good_response"],
                )
        tiny_models.write_jsonl(work / "pairs" / f"{split}.jsonl", rows)


def _judged_by_rule(inputs: Path, work: Path, records: Sequence[dict[str, Any]]) -> Evaluation:
    from dpojob_trainer.training.evaluation.answers import Answer
    from dpojob_trainer.training.evaluation.judges import Comparison
    from dpojob_trainer.training.evaluation.judges.program import ProgramJudge
    from dpojob_trainer.training.evaluation.records import Record
    from dpojob_trainer.training.evaluation.verdict import compare

    answered = [Record(r["prompt"], Answer(**r["before"]), Answer(**r["after"])) for r in records]
    scores = ProgramJudge(inputs / "rule.py", work / "scratch").compare(
        [Comparison(r.prompt, r.before.text, r.after.text) for r in answered]
    )
    judged = [
        replace(record, before_score=before, after_score=after)
        for record, (before, after) in zip(answered, scores, strict=True)
    ]
    return compare(Evaluation(), judged, None)


def _true_rate(before: Path, after: Path, prompts: Sequence[Any]) -> float:
    """The expectation of the win rate by the rule: with ties as halves, a half and half of the change of the shares."""
    shares = [_friendly_share(model, prompts) for model in (before, after)]
    return 0.5 + (shares[1] - shares[0]) / 2


def _friendly_share(directory: Path, prompts: Sequence[Any]) -> float:
    """The mean probability that an answer to one of the prompts begins with a friendly opening."""
    import torch
    from tests.kit.training.judges import FRIENDLY
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from dpojob_trainer.training.evaluation.generation import tokenize_prompt

    model = AutoModelForCausalLM.from_pretrained(directory).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    texts = [tokenize_prompt(tokenizer, {"prompt": prompt}) for prompt in prompts]
    width, padding = max(map(len, texts)), tokenizer.pad_token_id
    share = 0.0
    for opening in FRIENDLY:
        answer = tokenizer(opening, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[padding] * (width - len(text)) + text + answer for text in texts])
        mask = torch.tensor(
            [[0] * (width - len(text)) + [1] * (len(text) + len(answer)) for text in texts]
        )
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask).logits[:, width - 1 : -1]
        chosen = logits.log_softmax(-1).gather(-1, ids[:, width:, None])
        share += float(chosen.sum((1, 2)).exp().mean())
    return share


def _held(intervals: Sequence[Interval | None], values: Sequence[float]) -> int:
    from dpojob_trainer.training.evaluation.statistics.confidence_intervals import contains

    return sum(
        interval is not None and contains(interval, value)
        for interval, value in zip(intervals, values, strict=True)
    )


def _verdicts(trained: Sequence[Trained]) -> list[list[str]]:
    names = ("BetterThanBase", "NotBetter", "LongerOnly", "Inconclusive")
    return [
        [
            f"`{name}`",
            str(sum(t.by_chance.verdict == name for t in trained)),
            str(sum(t.by_rule.verdict == name for t in trained)),
        ]
        for name in names
    ]
