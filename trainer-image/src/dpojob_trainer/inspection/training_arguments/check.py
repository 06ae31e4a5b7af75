"""Checks `training.arguments` without TRL, before a GPU is requested."""

from __future__ import annotations

from tokenizers import Tokenizer

from dpojob_api.arguments import field_table, find_invalid_arguments
from dpojob_api.conditions import Reason
from dpojob_api.spec import DPOJobSpec
from dpojob_api.spelling import nearest
from dpojob_api.value_display import show_value
from dpojob_trainer.shared.errors import InspectionError

from .cross_field_rules import find_violations
from .lr_scheduler_kwargs import find_invalid_lr_scheduler_kwargs
from .model_init_kwargs import find_invalid_model_init_kwargs
from .packages import find_missing_packages


def check_arguments(spec: DPOJobSpec) -> None:
    """Check every argument against the fields of TRL's DPOConfig.

    Args:
        spec: The spec of the job.

    Raises:
        InspectionError: `InvalidArguments`; the message names every invalid argument and why.
    """
    arguments, table = spec.training.arguments, field_table()
    problems = find_invalid_arguments(arguments)
    # Rules over several arguments assume that each has the right name and type.
    if not problems:
        options = arguments.get("model_init_kwargs") or {}
        problems = [
            *find_violations(spec),
            *find_invalid_lr_scheduler_kwargs(arguments, table["schedules"]),
            *find_invalid_model_init_kwargs(options, table["model"]),
            *find_missing_packages(arguments),
        ]
    if problems:
        raise InspectionError(Reason.INVALID_ARGUMENTS, _message("; ".join(problems)))


def check_pad_token(spec: DPOJobSpec, tokenizer: Tokenizer | None) -> None:
    """Check that the tokenizer has the token named by `pad_token`.

    Args:
        spec: The spec of the job.
        tokenizer: The model's tokenizer, or None when it could not be loaded.

    Raises:
        InspectionError: `InvalidArguments`, when the tokenizer does not have the token.
    """
    token = spec.training.arguments.get("pad_token")
    if token is None or tokenizer is None or tokenizer.token_to_id(token) is not None:
        return
    suggestion = nearest(token, list(tokenizer.get_vocab()))
    remedy = (
        f"did you mean {suggestion}?" if suggestion else "leave it out to pad as the model does"
    )
    problem = f"pad_token {show_value(token)} is no token of the model's tokenizer; {remedy}"
    raise InspectionError(Reason.INVALID_ARGUMENTS, _message(problem))


def _message(detail: str) -> str:
    return f"training.arguments: {detail}."
