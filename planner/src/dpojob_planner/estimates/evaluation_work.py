"""The evaluation after training: its time, the memory that it needs, and what a judge behind an API costs.

Answers are counted as long as they may become, since a model that does not end them takes that long. The
assumptions and the formulas are in docs/plan.md, "The evaluation after training".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.pool import GPUPoolSpec
from dpojob_api.quantity import parse_duration
from dpojob_api.report import InspectionReport, Percentiles
from dpojob_api.shared_training_constants import (
    ANSWER_BATCH,
    ANSWER_SECONDS,
    ANSWER_TIME_SHARE,
    ANSWER_TOKENS,
    ANSWERED_PROMPTS,
    JUDGE_REPLY_TOKENS,
    JUDGE_THREADS,
    JUDGED_ANSWER_TOKENS,
    TASK_TIME_SHARE,
    prompts_judged_during,
)
from dpojob_api.spec import DPOJobSpec, Judge

from .gpu import pass_seconds, precision, sustained_flops, token_seconds
from .memory import CUDA_CONTEXT_GIB, GIB, MemoryEstimate, adapter_parameters, frozen_weight_bytes
from .model_shape import ModelShape
from .training_option import TrainingOption
from .training_work import CHARACTERS_PER_TOKEN

INSTRUCTION_TOKENS = 250
"""Tokens of the judge's instructions and of the JSON around prompt and answers."""
REPLY_TOKENS = 4
"""Tokens of a reply of one word. A judge that reasons first writes more."""
REPLY_SECONDS = 2.0
"""Time of one reply of an endpoint. An assumption."""
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class EvaluationWork:
    """The evaluation of one training option on one kind of GPU. It runs on the first node's GPUs."""

    spec: DPOJobSpec
    report: InspectionReport
    shape: ModelShape
    pool: GPUPoolSpec
    option: TrainingOption

    @property
    def prompts(self) -> int:
        """Prompts that both models answer; the most allowed where they come from a file, whose length is not known."""
        evaluation = self.spec.evaluation
        if evaluation is None or evaluation.judge is None:
            return min(self.report.eval_rows, ANSWERED_PROMPTS)
        if evaluation.prompts.volume is not None:
            return evaluation.prompts.max
        return min(self.report.eval_rows - self.prompts_during, evaluation.prompts.max)

    @property
    def prompts_during(self) -> int:
        """Prompts that are judged at each evaluation of the training; 0 without everyEval on one GPU."""
        evaluation = self.spec.evaluation
        if evaluation is None or not evaluation.every_eval or self.option.gpus > 1:
            return 0
        return prompts_judged_during(self.report.eval_rows)

    @property
    def new_tokens(self) -> int:
        """The longest answer, tokens."""
        return ANSWER_TOKENS if self._judge is None else JUDGED_ANSWER_TOKENS

    def task_seconds(self) -> float:
        """Predict the time of the benchmark tasks with both models.

        How many samples a task has, and how long its answers are, is known once its dataset is loaded, in the
        training pod. The trainer ends tasks when their time is up, so that is what is reserved.

        Returns:
            Seconds: all that tasks may take; 0 without tasks.
        """
        evaluation = self.spec.evaluation
        if evaluation is None or not evaluation.tasks:
            return 0.0
        share = 1.0 if evaluation.judge is None else TASK_TIME_SHARE
        return share * parse_duration(evaluation.max_duration).total_seconds()

    def answer_seconds(self) -> float:
        """Predict the time of both models' answers.

        Each batch takes a pass over its prompts and one more pass for each token of the longest answer.

        Returns:
            Seconds, at most those after which the trainer ends answering.
        """
        seconds = 2 * self._answering_seconds(self.prompts, self.new_tokens)
        return min(seconds, self._most_answer_seconds())

    def seconds_during(self) -> float:
        """Predict the time that everyEval adds to each evaluation of the training.

        Returns:
            Seconds of the trained model's answers, and of a reward model; a program's time is not known.
        """
        answered = self._answering_seconds(self.prompts_during, ANSWER_TOKENS)
        return answered + self._scoring_seconds(2 * self.prompts_during, ANSWER_TOKENS)

    def judge_seconds(self) -> float:
        """Predict the time of the judge.

        Returns:
            Seconds, at most those that evaluation.maxDuration leaves; 0 for a program, whose time is not
            known, and without a judge.
        """
        judge, asked = self._judge, 2 * self.prompts
        if judge is None or not asked:
            return 0.0
        seconds = 0.0
        if judge.endpoint is not None:
            by_rate = 60.0 * asked / judge.endpoint.requests_per_minute
            seconds = max(by_rate, asked * REPLY_SECONDS / JUDGE_THREADS)
        elif judge.reward_model is not None:
            seconds = self._scoring_seconds(asked, self.new_tokens)
        left = self._most_seconds() - self.task_seconds() - self.answer_seconds()
        return min(seconds, left)

    def judge_cost(self) -> Decimal:
        """Predict what a judge behind an API costs, by the prices in judge.endpoint.

        Answers are taken to be as long as the chosen ones. What the longest replies of the requests in flight may cost is
        added, since no request is made without it.

        Returns:
            Money in the installation's currency; 0 for any other judge.
        """
        endpoint = None if self._judge is None else self._judge.endpoint
        if endpoint is None or not self.prompts:
            return Decimal(0)
        lengths = self.report.lengths
        answer = self.new_tokens if lengths is None else self._tokens(_mean(lengths.chosen))
        read = INSTRUCTION_TOKENS + self._prompt_tokens(0.5) + 2 * min(answer, self.new_tokens)
        requests = 2 * self.prompts
        under_way = min(requests, JUDGE_THREADS)
        written = requests * REPLY_TOKENS + under_way * JUDGE_REPLY_TOKENS
        cost = math.ceil(requests * read) * Decimal(endpoint.input_price)
        return (cost + written * Decimal(endpoint.output_price)) / MILLION

    def memory(self) -> MemoryEstimate:
        """Predict the least memory of one GPU: with one prompt at a time, to which batches shrink.

        The reward model is loaded once the judged models are out of memory.

        Returns:
            GiB by term, at the larger of the two moments.
        """
        judge = self._judge
        size = self.report.reward_model_bytes if judge is not None and judge.reward_model else 0
        answers = self._answer_bytes()
        worst = max(answers, {"rewardModel": float(size)}, key=lambda part: sum(part.values()))
        parts = {name: value / GIB for name, value in worst.items()}
        return MemoryEstimate({**parts, "fragmentation": 0.0, "cudaContext": CUDA_CONTEXT_GIB})

    def memory_beside(self, training: MemoryEstimate) -> MemoryEstimate:
        """Predict the peak with everyEval, whose reward model is loaded beside the training.

        Args:
            training: The peak of training.

        Returns:
            GiB by term.
        """
        judge = self._judge
        if not self.prompts_during or judge is None or judge.reward_model is None:
            return training
        size = self.report.reward_model_bytes / GIB
        return MemoryEstimate({**training.parts, "rewardModel": size})

    def _answering_seconds(self, prompts: int, new_tokens: int) -> float:
        """One model's answers."""
        batch = min(prompts, ANSWER_BATCH)
        if not batch:
            return 0.0
        length = self._prompt_tokens(0.95)
        method, flops = self.option.strategy.method, sustained_flops(self.pool.gpu)
        prompt = pass_seconds(self.shape, method, batch * length, length, flops)
        token = token_seconds(self.shape, method, batch, length + new_tokens / 2, flops)
        return math.ceil(prompts / batch) * (prompt + new_tokens * token)

    def _scoring_seconds(self, answers: int, new_tokens: int) -> float:
        """A reward model's scores; 0 for any other judge."""
        judge = self._judge
        if judge is None or judge.reward_model is None:
            return 0.0
        parameters = self.report.reward_model_bytes / 2 or self.shape.active
        tokens = answers * (self._prompt_tokens(0.5) + new_tokens)
        return 2.0 * parameters * tokens / sustained_flops(self.pool.gpu)

    def _answer_bytes(self) -> dict[str, float]:
        """Both models, which share the base of a new adapter, and the keys and values of one answer."""
        shape, settings = self.shape, self.option.settings
        element = 4.0 if precision(self.pool.gpu, shape.parameters) == "fp32" else 2.0
        if settings.method == "full":
            weights = 2 * element * shape.parameters
        else:
            base = frozen_weight_bytes(shape, settings.method) * element / 2.0
            models = 2 if settings.reference_adapter else 1
            weights = models * (base + 4.0 * adapter_parameters(shape, settings))
        if settings.shards > 1:
            weights /= self.option.gpus / self.spec.hardware.nodes
        context = settings.length + self.new_tokens
        evaluation = self.spec.evaluation
        # lm-eval takes the logits of all tokens of a sample, and their log-softmax beside them.
        with_tasks = evaluation is not None and evaluation.tasks
        logits = 2.0 * element * settings.length if with_tasks else 4.0
        return {
            "weights": weights,
            "answers": 2.0 * element * shape.layers * shape.keys * context,
            "logits": logits * shape.vocabulary,
        }

    def _most_seconds(self) -> float:
        evaluation = self.spec.evaluation
        if evaluation is None or evaluation.judge is None:
            return ANSWER_SECONDS
        return parse_duration(evaluation.max_duration).total_seconds()

    def _most_answer_seconds(self) -> float:
        if self._judge is None:
            return ANSWER_SECONDS
        # Tasks beside a judge come first, and answers end at the same time with and without them.
        return self._most_seconds() * ANSWER_TIME_SHARE - self.task_seconds()

    @property
    def _judge(self) -> Judge | None:
        return None if self.spec.evaluation is None else self.spec.evaluation.judge

    def _prompt_tokens(self, quantile: float) -> float:
        """Tokens of a prompt: half of the longest row where its lengths are not known."""
        lengths = self.report.lengths
        if lengths is None or lengths.prompt.max == 0:
            return self.spec.training.max_length / 2
        return self._tokens(_mean(lengths.prompt) if quantile <= 0.5 else lengths.prompt.p95)

    def _tokens(self, length: float) -> float:
        lengths = self.report.lengths
        counted = lengths is None or lengths.unit == "tokens"
        return length if counted else length / CHARACTERS_PER_TOKEN


def _mean(lengths: Percentiles) -> float:
    return lengths.mean or float(lengths.p50)
