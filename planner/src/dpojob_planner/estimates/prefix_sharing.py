"""Whether chosen and rejected share the computation of what both begin with, and what that saves."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.report import InspectionReport, Lengths, ModelFacts
from dpojob_api.shared_training_constants import (
    PREFIX_SHARING_ATTENTION,
    PREFIX_SHARING_MODEL_TYPES,
)
from dpojob_api.spec import DPOJobSpec

from .model_shape import ModelShape
from .training_work import CHARACTERS_PER_TOKEN

MIN_GAIN = 0.08
"""Share by which steps must become faster before prefixes are shared without being asked for."""


@dataclass(frozen=True)
class PrefixSharing:
    """Whether prefixes are shared."""

    used: bool
    work: float = 1.0
    """Operations of a forward as a share of those without sharing; 1 where it is not used."""
    reason: str | None = None
    """A sentence for the plan; None where there is nothing to say."""

    @property
    def gain(self) -> float:
        """Share by which a forward becomes faster."""
        return 1.0 / self.work - 1.0


def decide_prefix_sharing(
    spec: DPOJobSpec, report: InspectionReport, facts: ModelFacts, shape: ModelShape
) -> PrefixSharing:
    """Decide whether the trainer shares prefixes.

    Args:
        spec: The job's spec: `training.prefixSharing`, and arguments that exclude it.
        report: The inspection report: lengths of prompts and answers.
        facts: The model: its family.
        shape: Its shape.

    Returns:
        The decision with its reason. Auto takes it for tested families and from MIN_GAIN on.
    """
    asked = spec.training.prefix_sharing
    if asked == "Off":
        return PrefixSharing(used=False)
    work = shared_work(shape, report.lengths, spec.training.max_length)
    found = PrefixSharing(used=True, work=work)
    if asked == "Auto" and found.gain < MIN_GAIN:
        return PrefixSharing(used=False)
    excluded = _excluded(spec)
    if excluded is not None:
        return PrefixSharing(used=False, reason=f"Prompts are not shared: {excluded}.")
    if asked == "Auto" and facts.model_type not in PREFIX_SHARING_MODEL_TYPES:
        family = facts.model_type or "this model's family"
        return PrefixSharing(
            used=False,
            reason=f"Prompts are not shared, which would save about {1 - work:.0%} of the operations: it is not "
            f"tested for {family}. training.prefixSharing: On tries it.",
        )
    return PrefixSharing(
        used=True,
        work=work,
        reason="What chosen and rejected begin with is computed once for both, which saves about "
        f"{max(0.0, 1 - work):.0%} of the operations.",
    )


def shared_work(shape: ModelShape, lengths: Lengths | None, max_length: int) -> float:
    """Count the operations of a forward over an average pair with a shared prompt.

    A pair is one row of prompt, chosen and rejected instead of two rows. The LM head scores the answers in both
    cases. A row in which the answers do not see each other has a mask, with which attention computes all
    pairs of its tokens; without one it leaves out those of later tokens.

    Args:
        shape: The model.
        lengths: Of prompts and of whole pairs, in tokens or characters.
        max_length: `training.maxLength`, tokens.

    Returns:
        Operations as a share of those without sharing; 1 where lengths are not known.
    """
    if lengths is None or not lengths.tokens_per_row:
        return 1.0
    scale = 1.0 if lengths.unit == "tokens" else 1 / CHARACTERS_PER_TOKEN
    both = scale * lengths.tokens_per_row
    prompt = min(scale * lengths.prompt.mean, both / 2, float(max_length))
    matrices = 2.0 * max(0, shape.active - shape.embeddings)
    head = 2.0 * shape.head * (both - 2 * prompt)
    attention = 2.0 * shape.layers * shape.queries
    width = both - prompt
    plain = both * (matrices + attention * both / 2) + head
    shared = width * (matrices + 2 * attention * width) + head
    return shared / plain


def _excluded(spec: DPOJobSpec) -> str | None:
    """The argument with which prefixes cannot be shared, as a clause."""
    arguments = spec.training.arguments
    if arguments.get("torch_compile"):
        return "training.arguments sets torch_compile"
    options = arguments.get("model_init_kwargs")
    attention = options.get("attn_implementation") if isinstance(options, dict) else None
    if attention is not None and attention not in PREFIX_SHARING_ATTENTION:
        return f"{attention}, which training.arguments asks for, takes no mask of its kind"
    return None
