"""The layouts of published preference datasets, and how a dataset is recognised as one of them.

The first preset of `PRESETS` that fits is taken, so the more specific ones come first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dpojob_trainer.shared.rows.messages import MessageKeyMapping
from dpojob_trainer.shared.rows.row_error import RowError

from .arena_votes import OUTCOMES, read_arena_votes
from .column_types import ColumnKind, Schema
from .preset_converters import (
    Columns,
    Row,
    equal_scores,
    no_preference,
    read_chosen_and_rejected_roles,
    read_rejected_response,
    read_signed_preference,
    read_transcripts,
    tie_status,
)
from .preset_vectorized import convert_signed_preferences, convert_transcripts
from .transcript_stats import TranscriptStats


@dataclass(frozen=True)
class Preset:
    """A known layout.

    A dataset has it when every column of `columns` is there, each column of `kinds` is of that kind,
    every column of `also` is there and none of `without` is; with `transcripts`, only when most texts
    are transcripts too.
    """

    name: str
    title: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    optional: Mapping[str, str] = field(default_factory=dict)
    """Columns, by field, that are used where the dataset has them."""
    message_keys: MessageKeyMapping = field(default_factory=MessageKeyMapping)
    """Used where `columnMapping.messages` is not set."""
    transcripts: bool = False
    is_recognized: bool = True
    """Whether columns show it; else it must be named."""
    is_tie: Callable[[Row], bool] | None = None
    convert: Callable[[Row, Columns], dict[str, Any] | RowError] | None = None
    """Prompt, chosen and rejected of a row, read from the columns that hold them in this dataset."""
    convert_batch: Callable[[pa.RecordBatch, Columns], pa.RecordBatch | None] | None = None
    """The same as `convert` over a batch; None where the batch must be read row by row."""

    def fits(self, schema: Schema, transcripts: TranscriptStats) -> bool:
        """Tell whether a dataset has this layout.

        Args:
            schema: The dataset's columns.
            transcripts: The statistics of its chosen column.

        Returns:
            Whether columns and texts fit.
        """
        return self.fits_columns(schema) and (transcripts.is_majority or not self.transcripts)

    def fits_columns(self, schema: Schema) -> bool:
        """Tell whether a dataset's columns fit this layout, whatever its texts.

        Args:
            schema: The dataset's columns.

        Returns:
            Whether they fit.
        """
        if not self.is_recognized:
            return False
        if any(column not in schema for column in (*self.columns.values(), *self.also)):
            return False
        if any(column in schema for column in self.without):
            return False
        return all(schema[column] in (kind, "null") for column, kind in self.kinds.items())


NATIVE = Preset("none", "columns read as they are")

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="helpsteer3",
        title="nvidia/HelpSteer3, preference",
        columns={"prompt": "context", "chosen": "response1", "rejected": "response2"},
        kinds={"context": "messages"},
        also=("overall_preference",),
        is_tie=no_preference,
        convert=read_signed_preference,
        convert_batch=convert_signed_preferences,
    ),
    Preset(
        name="openai",
        title="preference fine-tuning of OpenAI, Azure and Together",
        columns={
            "prompt": "input.messages",
            "chosen": "preferred_output",
            "rejected": "non_preferred_output",
        },
        kinds={
            "input.messages": "messages",
            "preferred_output": "messages",
            "non_preferred_output": "messages",
        },
        optional={"tools": "input.tools"},
    ),
    Preset(
        name="distilabel-orca",
        title="argilla/distilabel-intel-orca-dpo-pairs",
        columns={"prompt": "input", "system": "system", "chosen": "chosen", "rejected": "rejected"},
        kinds={"input": "text", "chosen": "text", "rejected": "text"},
        also=("status",),
        is_tie=tie_status,
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
        is_tie=equal_scores("chosen_avg_rating", "rejected_avg_rating"),
    ),
    Preset(
        name="nemo",
        title="preference data of NeMo with ratings",
        columns={
            "prompt": "context",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        also=("chosen_rating", "rejected_rating"),
        is_tie=equal_scores("chosen_rating", "rejected_rating"),
    ),
    Preset(
        name="nemo-aligner",
        title="NVIDIA/NeMo-Aligner, DPO with rewards",
        columns={
            "prompt": "prompt",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        also=("chosen_reward", "rejected_reward"),
        is_tie=equal_scores("chosen_reward", "rejected_reward"),
    ),
    Preset(
        name="ultrafeedback-cleaned",
        title="argilla/ultrafeedback-binarized-preferences-cleaned",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("chosen-rating", "rejected-rating"),
        is_tie=equal_scores("chosen-rating", "rejected-rating"),
    ),
    Preset(
        name="ultrafeedback-binarized",
        title="HuggingFaceH4/ultrafeedback_binarized",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        is_tie=equal_scores("score_chosen", "score_rejected"),
    ),
    Preset(
        name="ultrafeedback-trl",
        title="trl-lib/ultrafeedback_binarized",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        without=("prompt",),
        is_tie=equal_scores("score_chosen", "score_rejected"),
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
        name="chosen-rejected-roles",
        title="conversations that end with messages of the roles chosen_gpt and rejected_gpt",
        columns=dict.fromkeys(("prompt", "chosen", "rejected"), "conversations"),
        is_recognized=False,
        convert=read_chosen_and_rejected_roles,
    ),
    Preset(
        name="ms-swift",
        title="ms-swift, a conversation and the text of its rejected answer",
        columns={"prompt": "messages", "chosen": "messages", "rejected": "rejected_response"},
        is_recognized=False,
        convert=read_rejected_response,
    ),
    Preset(
        name="arena-55k",
        title="lmarena-ai/arena-human-preference-55k",
        columns={"prompt": "prompt", "chosen": "response_a", "rejected": "response_b"},
        also=("model_a", "model_b", *OUTCOMES),
        convert=read_arena_votes,
    ),
    Preset(
        name="hh-rlhf",
        title="Anthropic/hh-rlhf",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "text", "rejected": "text"},
        without=("prompt",),
        transcripts=True,
        convert=read_transcripts,
        convert_batch=convert_transcripts,
    ),
)


def preset_by_name(name: str) -> Preset | None:
    """Find a preset.

    Args:
        name: The value of `dataset.preset`.

    Returns:
        The preset; None where there is none of that name.
    """
    return next((preset for preset in PRESETS if preset.name == name), None)


def recognize_preset(schema: Schema, transcripts: TranscriptStats) -> Preset | None:
    """Find the preset of a dataset.

    Args:
        schema: The dataset's columns.
        transcripts: The statistics of its chosen column.

    Returns:
        The first preset that fits; None where none does.
    """
    return next((preset for preset in PRESETS if preset.fits(schema, transcripts)), None)


def depends_on_texts(schema: Schema, preset: Preset) -> bool:
    """Tell whether the share of transcripts could change the preset.

    Args:
        schema: The dataset's columns.
        preset: The preset that was recognised by them.

    Returns:
        Whether another preset would be recognised with other texts.
    """
    if preset is not NATIVE and not preset.transcripts:
        return False
    return any(other.transcripts and other.fits_columns(schema) for other in PRESETS)
