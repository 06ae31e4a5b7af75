"""The fields of TRL's DPOConfig that `training.arguments` may set: table, decisions, checks and CRD schema.

`dpo_config.json` is generated from the installed TRL by
`dpojob_trainer.inspection.training_arguments.generate`, since this package may not import TRL. Each of its
fields is either in ALLOWED, or reserved for the plan and the rest of the spec, or refused.
"""

from .allowed_fields import ALLOWED
from .checks import argument_problem, check_bounds, find_invalid_arguments
from .limits import MAX_CHARACTERS, MAX_DEPTH, is_nested_deeper
from .refused_fields import REFUSED, REMOVED, RESERVED
from .schema import arguments_schema
from .table import TABLE, field_table

__all__ = [
    "ALLOWED", "MAX_CHARACTERS", "MAX_DEPTH", "REFUSED", "REMOVED", "RESERVED", "TABLE",
    "argument_problem", "arguments_schema", "check_bounds", "field_table", "find_invalid_arguments",
    "is_nested_deeper",
]  # fmt: skip
