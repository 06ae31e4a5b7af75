"""Known layouts of published preference data, recognised by their schema, each with its traps."""

from .base import NATIVE, Preset, Schema
from .table import PRESETS, named, recognise, texts_decide
from .votes import Votes

__all__ = ["NATIVE", "PRESETS", "Preset", "Schema", "Votes", "named", "recognise", "texts_decide"]
