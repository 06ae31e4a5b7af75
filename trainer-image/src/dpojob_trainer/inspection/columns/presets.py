"""Known layouts of published preference data, recognised by their schema, each with its traps."""

from .preset import NATIVE, Preset, Schema
from .preset_registry import PRESETS, named, recognise, texts_decide
from .transcript_stats import Votes

__all__ = ["NATIVE", "PRESETS", "Preset", "Schema", "Votes", "named", "recognise", "texts_decide"]
