"""The table of known layouts. The first that fits is taken, so the narrower ones come first."""

from __future__ import annotations

from .preset import NATIVE, Preset, Schema
from .preset_converters import (
    equal_scores,
    no_preference,
    read_signed_preference,
    read_transcripts,
    tie_status,
)
from .preset_vectorized import arrange_signed_preference, arrange_transcripts
from .transcript_stats import Votes

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="helpsteer3",
        title="nvidia/HelpSteer3, preference",
        columns={"prompt": "context", "chosen": "response1", "rejected": "response2"},
        kinds={"context": "messages"},
        also=("overall_preference",),
        tie=no_preference,
        convert=read_signed_preference,
        arrange=arrange_signed_preference,
    ),
    Preset(
        name="distilabel-orca",
        title="argilla/distilabel-intel-orca-dpo-pairs",
        columns={"prompt": "input", "system": "system", "chosen": "chosen", "rejected": "rejected"},
        kinds={"input": "text", "chosen": "text", "rejected": "text"},
        also=("status",),
        tie=tie_status,
    ),
    Preset(
        name="orca",
        title="Intel/orca_dpo_pairs",
        columns={
            "prompt": "question",
            "system": "system",
            "chosen": "chosen",
            "rejected": "rejected",
        },
        kinds={"question": "text", "chosen": "text", "rejected": "text"},
        without=("prompt",),
    ),
    Preset(
        name="ultrafeedback-preferences",
        title="argilla/ultrafeedback-binarized-preferences",
        columns={
            "prompt": "instruction",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        kinds={"instruction": "text", "chosen_response": "text", "rejected_response": "text"},
        also=("chosen_avg_rating", "rejected_avg_rating"),
        tie=equal_scores("chosen_avg_rating", "rejected_avg_rating"),
    ),
    Preset(
        name="ultrafeedback-cleaned",
        title="argilla/ultrafeedback-binarized-preferences-cleaned",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("chosen-rating", "rejected-rating"),
        tie=equal_scores("chosen-rating", "rejected-rating"),
    ),
    Preset(
        name="ultrafeedback-binarized",
        title="HuggingFaceH4/ultrafeedback_binarized",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        tie=equal_scores("score_chosen", "score_rejected"),
    ),
    Preset(
        name="ultrafeedback-trl",
        title="trl-lib/ultrafeedback_binarized",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        without=("prompt",),
        tie=equal_scores("score_chosen", "score_rejected"),
    ),
    Preset(
        name="orpo-mix",
        title="mlabonne/orpo-dpo-mix-40k",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("source",),
        without=("chosen-rating",),
    ),
    Preset(
        name="code-preference",
        title="Vezora/Code-Preference-Pairs",
        columns={"prompt": "input", "chosen": "accepted", "rejected": "rejected"},
        kinds={"input": "text", "accepted": "text", "rejected": "text"},
    ),
    Preset(
        name="hh-rlhf",
        title="Anthropic/hh-rlhf",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "text", "rejected": "text"},
        without=("prompt",),
        transcripts=True,
        convert=read_transcripts,
        arrange=arrange_transcripts,
    ),
)


def named(name: str) -> Preset | None:
    """The preset of that name."""
    return next((preset for preset in PRESETS if preset.name == name), None)


def recognise(schema: Schema, votes: Votes) -> Preset | None:
    """The first preset that a dataset fits; `votes` are those of its chosen column."""
    return next((preset for preset in PRESETS if preset.fits(schema, votes)), None)


def texts_decide(schema: Schema, preset: Preset) -> bool:
    """Whether `preset`, recognised by such columns, could be another one with other texts."""
    if preset is not NATIVE and not preset.transcripts:
        return False
    return any(other.transcripts and other.fits_columns(schema) for other in PRESETS)
