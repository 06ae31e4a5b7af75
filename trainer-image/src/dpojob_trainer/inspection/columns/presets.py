"""The layouts of published preference datasets, and how a dataset is recognised as one of them.

The first preset of `PRESETS` that fits is taken, so the more specific ones come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dpojob_trainer.shared.row_error import RowError

from .column_types import ColumnKind, Schema
from .preset_converters import (
    ASSISTANT,
    HUMAN,
    Columns,
    Row,
    equal_scores,
    no_preference,
    read_signed_preference,
    read_transcripts,
    tie_status,
)
from .preset_vectorized import arrange_signed_preference, arrange_transcripts


def is_transcript(text: str) -> bool:
    """Whether both sides of a conversation are marked in it, as hh-rlhf marks them."""
    return ASSISTANT in text and HUMAN in "\n\n" + text.lstrip()


@dataclass
class TranscriptStats:
    """Of the texts in the chosen column, how many are transcripts; blank ones do not count."""

    texts: int = 0
    transcripts: int = 0

    @classmethod
    def of(cls, values: Iterable[Any]) -> TranscriptStats:
        """Those of a few values."""
        found = cls()
        found.add(values)
        return found

    def add(self, values: Iterable[Any]) -> None:
        """Looks at further values; those that are no text do not count."""
        for value in values:
            if isinstance(value, str) and value.strip():
                self.texts += 1
                self.transcripts += is_transcript(value)

    def add_transcripts(self, count: int) -> None:
        """Counts texts that were read as transcripts already."""
        self.texts += count
        self.transcripts += count

    @property
    def carried(self) -> bool:
        """Whether most are transcripts."""
        return 2 * self.transcripts > self.texts


@dataclass(frozen=True)
class Preset:
    """A known layout.

    It is recognised when every column of `columns` has its kind in `kinds`, every column of `also`
    is there, and none of `without` is; one of `transcripts`, when most texts are such.
    """

    name: str
    title: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    transcripts: bool = False
    tie: Callable[[Row], bool] | None = None
    convert: Callable[[Row, Columns], dict[str, Any] | RowError] | None = None
    """Prompt, chosen and rejected of a row, read from the columns that hold them in this dataset."""
    arrange: Callable[[pa.RecordBatch, Columns], pa.RecordBatch | None] | None = None
    """What `convert` does, over a batch; None when nothing can be told this way."""

    def fits(self, schema: Schema, votes: TranscriptStats) -> bool:
        """Whether a dataset of this schema, with such texts, has this layout."""
        return self.fits_columns(schema) and (votes.carried or not self.transcripts)

    def fits_columns(self, schema: Schema) -> bool:
        """The same, as far as columns tell."""
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


def recognise(schema: Schema, votes: TranscriptStats) -> Preset | None:
    """The first preset that a dataset fits; `votes` are those of its chosen column."""
    return next((preset for preset in PRESETS if preset.fits(schema, votes)), None)


def texts_decide(schema: Schema, preset: Preset) -> bool:
    """Whether `preset`, recognised by such columns, could be another one with other texts."""
    if preset is not NATIVE and not preset.transcripts:
        return False
    return any(other.transcripts and other.fits_columns(schema) for other in PRESETS)
