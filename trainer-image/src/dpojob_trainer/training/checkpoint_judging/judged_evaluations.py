"""The callback that judges a few answers at each evaluation, and adds the win rate to its metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from transformers import TrainerCallback

from dpojob_api.conditions import Reason
from dpojob_api.quantity import parse_duration
from dpojob_api.shared_training_constants import ANSWER_TOKENS, FEWEST_JUDGED_DURING
from dpojob_api.spec import EvaluationSpec, Judge
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.generation import generate_answers
from dpojob_trainer.training.evaluation.judges import Comparison, JudgeError, open_judge
from dpojob_trainer.training.evaluation.prompts import judged_rows
from dpojob_trainer.training.evaluation.records import Record
from dpojob_trainer.training.evaluation.statistics.confidence_intervals import paired_change
from dpojob_trainer.training.loop.best_checkpoint import choose_best
from dpojob_trainer.training.loop.memory import release_memory
from dpojob_trainer.training.setup.arguments import WIN_RATE, judges_checkpoints
from dpojob_trainer.training.setup.errors import Interrupted, TrainingError, explain, one_line
from dpojob_trainer.training.setup.resumable_file import ResumableFile
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.train_job import TrainJob

log = logging.getLogger(__name__)
DIRECTORY = "judged"
"""The file in the checkpoints' directory that holds the answers of the model before, and the outcomes by step."""

Outcomes = Sequence[float | None]
"""The outcome of each prompt: 1 where the tuned answer wins, 0.5 for a tie, else 0; None without a score."""


def judge_of_checkpoints(
    job: TrainJob, stop: StopRequest, *, smaller_batch_left: bool
) -> JudgedEvaluations | None:
    """The callback that everyEval asks for; None where it does not or cannot be followed.

    With `smaller_batch_left` an out-of-memory at an evaluation is raised, since the caller trains on with a
    smaller batch; else it ends judging alone.
    """
    spec = job.spec.evaluation
    if spec is None or not spec.every_eval or spec.judge is None:
        return None
    if not judges_checkpoints(job):
        log.warning(
            "evaluation.everyEval is for one GPU and held-out pairs; no checkpoint is judged"
        )
        return None
    return JudgedEvaluations(job, spec, spec.judge, stop, smaller_batch_left=smaller_batch_left)


class JudgedEvaluations(TrainerCallback):  # type: ignore[misc]
    """Adds `eval_win_rate`, and its change since the best one, to an evaluation's metrics and log record.

    It must come before callbacks that read them. Where nothing can be judged, the held-out loss chooses the
    checkpoint, and the training goes on.
    """

    def __init__(
        self,
        job: TrainJob,
        spec: EvaluationSpec,
        judge: Judge,
        stop: StopRequest,
        *,
        smaller_batch_left: bool,
    ) -> None:
        self._job, self._spec, self._asked, self._stop = job, spec, judge, stop
        self._smaller_batch_left = smaller_batch_left
        self._rows: list[dict[str, Any]] = []
        self._before: list[Answer] = []
        self._judged: ResumableFile | None = None

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Answer with the model before, which the model still is at step 0, or read these answers."""
        try:
            self._judged = self._open(state.global_step, model, kwargs["processing_class"])
        except Exception as error:
            self._give_up(args, state, error)
            return
        if state.global_step > 0 and args.metric_for_best_model == WIN_RATE:
            # An earlier attempt may have had no judge, and chosen by the held-out loss.
            choose_best(self._job.checkpoints, args, state)

    def on_evaluate(
        self,
        args: Any,
        state: Any,
        control: Any,
        metrics: Any = None,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        """Judge the answers of the current weights."""
        if self._judged is None:
            return
        figures: dict[str, float] = {}
        try:
            outcomes = self._outcomes(model, kwargs["processing_class"])
            figures = figures_of(outcomes, [each["outcomes"] for each in self._judged.values])
            if not figures:
                raise JudgeError("the judge scored no answer")
        except Exception as error:
            if self._smaller_batch_left and explain(error).reason == Reason.OUT_OF_MEMORY:
                raise
            self._give_up(args, state, error)
        if not figures:
            release_memory()  # After the error, whose traceback holds a judge that was being loaded.
            return
        self._judged.append([{"step": state.global_step, "outcomes": outcomes}])
        metrics.update(figures)
        state.log_history[-1].update(figures)
        log.info("win rate at step %d: %.2f", state.global_step, figures[WIN_RATE])

    def _open(self, step: int, model: Any, tokenizer: Any) -> ResumableFile:
        """Read the prompts and the answers of the model before, or let it answer; the outcomes until `step`."""
        self._rows = judged_rows(self._job, self._spec)[0]
        directory = self._job.checkpoints / DIRECTORY
        identity = [self._job.key, ANSWER_TOKENS, [row["prompt"] for row in self._rows]]
        kept = ResumableFile(directory / "before.jsonl", identity)
        if not self._rows:
            fewest = 3 * FEWEST_JUDGED_DURING
            raise JudgeError(
                f"there are fewer than {fewest} different held-out prompts, and all are for the verdict after "
                "training; hold out more pairs"
            )
        if len(kept.values) < len(self._rows):
            if step > 0:
                raise JudgeError("the answers of the model before are lost")
            kept.keep(0)
            kept.append([asdict(answer) for answer in self._answer(model, tokenizer)])
        self._before = [Answer(**value) for value in kept.values]
        judged = ResumableFile(directory / "outcomes.jsonl", [*identity, self._asked.wire()])
        # Later ones are of weights that this run does not have.
        judged.keep(sum(each["step"] <= step for each in judged.values))
        return judged

    def _outcomes(self, model: Any, tokenizer: Any) -> list[float | None]:
        # The step before this evaluation can be saved; before the first step there is nothing to save.
        after = self._answer(model, tokenizer, interruptible=True)
        deadline = time.monotonic() + parse_duration(self._spec.max_duration).total_seconds()
        judge = open_judge(self._job, self._asked, deadline, self._job.checkpoints / DIRECTORY)
        prompts = [row["prompt"] for row in self._rows]
        pairs = list(zip(prompts, self._before, after, strict=True))
        scores = judge.compare([Comparison(p, old.text, new.text) for p, old, new in pairs])
        del judge
        release_memory()
        return [
            Record(*pair, before_score, after_score).outcome
            for pair, (before_score, after_score) in zip(pairs, scores, strict=True)
        ]

    def _answer(self, model: Any, tokenizer: Any, *, interruptible: bool = False) -> list[Answer]:
        training, answers = model.training, []
        model.eval()
        seed = self._job.spec.training.seed
        try:
            for batch in generate_answers(
                model, tokenizer, self._rows, new_tokens=ANSWER_TOKENS, seed=seed
            ):
                answers += batch
                if interruptible and self._stop.in_any_process()[0]:
                    raise Interrupted
        finally:
            model.train(training)
        return answers

    def _give_up(self, args: Any, state: Any, error: Exception) -> None:
        """Choose the checkpoint by the held-out loss from here on, and judge no more."""
        log.warning("no checkpoint is judged (evaluation.everyEval): %s", _cause(error))
        self._judged = None
        if args.metric_for_best_model == WIN_RATE:
            args.metric_for_best_model, args.greater_is_better = "eval_loss", False
            choose_best(self._job.checkpoints, args, state)


def _cause(error: Exception) -> str:
    """Why nothing is judged, in a line; whatever it is, the training goes on."""
    if isinstance(error, JudgeError | TrainingError):
        return str(error)
    return f"{type(error).__name__}: {one_line(error)}"


def figures_of(outcomes: Outcomes, earlier: Sequence[Outcomes]) -> dict[str, float]:
    """The win rate, and the upper end of the interval of its change since the best earlier one.

    The interval's level takes into account how many evaluations are compared with the best (Bonferroni), so
    that noise alone rarely looks like a fall.

    Args:
        outcomes: Of the current weights.
        earlier: Of earlier evaluations, by the same prompts.

    Returns:
        `eval_win_rate` and `eval_win_rate_change_high`, both shares; nothing where no prompt was judged.
    """
    rate = _rate(outcomes)
    if rate is None:
        return {}
    best = max(earlier, key=lambda each: _rate(each) or 0.0, default=outcomes)
    both = [
        (old, new)
        for old, new in zip(best, outcomes, strict=True)
        if old is not None and new is not None
    ]
    high = 0.0
    if len(both) > 1:
        change = paired_change(*zip(*both, strict=True), comparisons=max(1, len(earlier)))
        high = 0.0 if change.high is None else change.high
    return {WIN_RATE: rate, "eval_win_rate_change_high": high}


def _rate(outcomes: Outcomes) -> float | None:
    judged = [outcome for outcome in outcomes if outcome is not None]
    return fmean(judged) if judged else None
