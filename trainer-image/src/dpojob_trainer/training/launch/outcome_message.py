"""An Outcome as the container's termination message, which it is shortened for, or as a file for the launcher."""

from __future__ import annotations

from dpojob_api.constants import TERMINATION_MESSAGE_BYTES
from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Outcome, Sample
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.termination_message import encode, write_termination_message

MAX_SAMPLES = 4
SAMPLE_LENGTHS = (600, 300, 150, 80)
"""Characters of each text of a sample, tried in this order."""
MESSAGE_LENGTHS = (1500, 700, 300, 100)
"""Characters of each message, tried in this order."""
LOCATION_BYTES = 320
"""The most bytes of a path, repository or address of the model, as JSON with its name."""
REASON_LENGTH = 64
"""Characters of a reason; those that the trainer gives itself are shorter."""


def write_outcome(outcome: Outcome, environment: ContainerEnvironment) -> None:
    """Write the outcome of this process, for the launcher where that started it."""
    document = truncate_outcome(outcome).wire()
    directory = environment.outcomes_directory
    if environment.rank is None:
        write_termination_message(document, environment.termination_log)
    elif directory is not None:
        # The launcher may read it at any time.
        part = directory / f"{environment.rank}.part"
        part.write_bytes(encode(document))
        part.rename(directory / f"{environment.rank}.json")


def write_outcome_if_killed(outcome: Outcome, environment: ContainerEnvironment) -> None:
    """Write the outcome of a process that may be killed, perhaps with all others of its container.

    Whatever ends otherwise replaces it. Outside a pod nobody reads it, and nothing is written.
    """
    if environment.scratch is None:
        return
    write_outcome(outcome, environment)
    if environment.rank is not None:
        document = truncate_outcome(outcome).wire()
        write_termination_message(document, environment.termination_log)


def truncate_outcome(outcome: Outcome, limit: int = TERMINATION_MESSAGE_BYTES) -> Outcome:
    """The outcome, shortened until its compact JSON takes at most `limit` bytes.

    Locations that are long on their own go first: the DPOJob's status and spec have them. Samples are
    shortened, then dropped from the end, then messages are cut, then artifacts go, then benchmark tasks from
    the end: the outcome, its reason and the other figures always stay.
    """
    if _size(outcome) > limit:
        outcome = _without_long_locations(outcome)
    for length in SAMPLE_LENGTHS:
        shortened = outcome.model_copy(
            update={
                "samples": [_shorten(sample, length) for sample in outcome.samples[:MAX_SAMPLES]]
            }
        )
        if _size(shortened) <= limit:
            return shortened
    for count in (2, 1, 0):
        shortened = shortened.model_copy(update={"samples": shortened.samples[:count]})
        if _size(shortened) <= limit:
            return shortened
    for length in MESSAGE_LENGTHS:
        progress = shortened.progress
        health = progress.health.model_copy(
            update={"message": _cut(progress.health.message, length)}
        )
        shortened = shortened.model_copy(
            update={
                "message": _cut(outcome.message, length),
                "progress": progress.model_copy(update={"health": health}),
                "evaluation": _shorten_evaluation(outcome.evaluation, length),
            }
        )
        if _size(shortened) <= limit:
            return shortened
    health = shortened.progress.health
    health = health.model_copy(update={"reason": _cut(health.reason, REASON_LENGTH)})
    shortened = shortened.model_copy(
        update={
            "reason": _cut(shortened.reason, REASON_LENGTH),
            "progress": shortened.progress.model_copy(update={"health": health}),
            "artifacts": None,
            "evaluation": _shorten_evaluation(outcome.evaluation, 0),
        }
    )
    # Last go benchmark tasks: those with long names take a third of the room.
    while (evaluation := shortened.evaluation) and evaluation.tasks and _size(shortened) > limit:
        evaluation = evaluation.model_copy(update={"tasks": evaluation.tasks[:-1]})
        shortened = shortened.model_copy(update={"evaluation": evaluation})
    return shortened


def _without_long_locations(outcome: Outcome) -> Outcome:
    if outcome.artifacts is None:
        return outcome
    long = {
        name: None
        for name, value in outcome.artifacts
        if len(encode({name: value})) > LOCATION_BYTES
    }
    return outcome.model_copy(update={"artifacts": outcome.artifacts.model_copy(update=long)})


def _shorten(sample: Sample, length: int) -> Sample:
    return sample.model_copy(
        update={
            "prompt": _cut(sample.prompt, length),
            "before": None if sample.before is None else _cut(sample.before, length),
            "after": None if sample.after is None else _cut(sample.after, length),
        }
    )


def _shorten_evaluation(evaluation: Evaluation | None, length: int) -> Evaluation | None:
    if evaluation is None:
        return None
    attention = [
        found.model_copy(update={"message": _cut(found.message, length)})
        for found in evaluation.attention
    ]
    tasks = [
        task.model_copy(update={"error": _cut(task.error, length)}) for task in evaluation.tasks
    ]
    return evaluation.model_copy(
        update={
            "attention": attention,
            "message": _cut(evaluation.message, length),
            "note": _cut(evaluation.note, length),
            "tasks": tasks,
        }
    )


def _size(outcome: Outcome) -> int:
    return len(encode(outcome.wire()))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"
