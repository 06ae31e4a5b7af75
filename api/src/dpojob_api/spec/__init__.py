"""DPOJobSpec: what a user writes, one module for each part of the spec.

Every rule that needs only the spec is CRD schema (bounds, enums, patterns) or CEL.
"""

from .cache import Cache
from .dataset_source import (
    WHOLE_SPLIT_RULE,
    ColumnMapping,
    Curate,
    DatasetSource,
    EvalSource,
    MessageMapping,
    PreferenceLabel,
    label_text,
)
from .evaluation import (
    EVERY_EVAL_RULE,
    HTTP_INSIDE_CLUSTER,
    JUDGE_OR_TASKS_RULE,
    KEY_OVER_HTTPS_RULE,
    REQUIREMENT_RULE,
    SHARE_PATTERN,
    UNIQUE_TASKS_RULE,
    EvaluationPrompts,
    EvaluationSpec,
    EvaluationTask,
    Judge,
    JudgeEndpoint,
    JudgeProgram,
    Requirement,
    RewardModel,
)
from .fields import (
    DNS_NAME,
    PATH_RULE,
    REPO,
    REVISION,
    SECRET_KEY,
    SPLIT,
    ClaimPath,
    SecretKey,
    SecretName,
    validations,
)
from .hardware import Budget, Hardware
from .job_spec import MUTABLE_ALWAYS, DPOJobSpec
from .model_source import JobReference, ModelSource
from .output import S3, Output
from .training import EarlyStopping, Lora, Samples, Training

__all__ = [
    "DNS_NAME",
    "EVERY_EVAL_RULE",
    "HTTP_INSIDE_CLUSTER",
    "JUDGE_OR_TASKS_RULE",
    "KEY_OVER_HTTPS_RULE",
    "MUTABLE_ALWAYS",
    "PATH_RULE",
    "REPO",
    "REQUIREMENT_RULE",
    "REVISION",
    "S3",
    "SECRET_KEY",
    "SHARE_PATTERN",
    "SPLIT",
    "UNIQUE_TASKS_RULE",
    "WHOLE_SPLIT_RULE",
    "Budget",
    "Cache",
    "ClaimPath",
    "ColumnMapping",
    "Curate",
    "DPOJobSpec",
    "DatasetSource",
    "EarlyStopping",
    "EvalSource",
    "EvaluationPrompts",
    "EvaluationSpec",
    "EvaluationTask",
    "Hardware",
    "JobReference",
    "Judge",
    "JudgeEndpoint",
    "JudgeProgram",
    "Lora",
    "MessageMapping",
    "ModelSource",
    "Output",
    "PreferenceLabel",
    "Requirement",
    "RewardModel",
    "Samples",
    "SecretKey",
    "SecretName",
    "Training",
    "fields",
    "label_text",
    "validations",
]  # fmt: skip
