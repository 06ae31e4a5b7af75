"""Conditions of a DPOJob, a GPUPool and a CostQuota, and every reason they may carry.

`Complete` and `Failed` are spelled as batch/v1 Job spells them; `Finished` is true for either.
`Ready` and `Stalled` follow kstatus, for Argo CD, Flux and `helm --wait`. Constants alone, without pydantic, so that
whoever needs only their names starts quickly; `status_condition.py` has the model.
"""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    """Types of conditions on a DPOJob."""

    DATASET_VALID = "DatasetValid"
    PLANNED = "Planned"
    TRAINING = "Training"
    TRAINING_HEALTHY = "TrainingHealthy"
    IMPROVED = "Improved"
    SUSPENDED = "Suspended"
    QUEUE_LABELS_APPLIED = "QueueLabelsApplied"
    COMPLETE = "Complete"
    FAILED = "Failed"
    FINISHED = "Finished"
    READY = "Ready"
    STALLED = "Stalled"


class Reason(StrEnum):
    """Reasons of conditions and Events. The comment under each says when it is given."""

    # Waiting and working.
    WAITING_FOR_JOB = "WaitingForJob"
    """`model.fromJob` names a job that does not exist yet or has not finished."""
    INSPECTING = "Inspecting"
    """The inspection Job is running, or waiting for a node."""
    WAITING_FOR_CLAIM = "WaitingForClaim"
    """A claim exists but is not bound, so no pod can start."""
    NO_NODE_FITS = "NoNodeFits"
    """No node that exists now could hold the pod even if it were empty: labels, taints or volumes do not
    match. Where the pool is scaled to zero, its autoscaler adds a node."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The kubelet cannot pull the image of the pod; it tries again."""
    WAITING_FOR_INSPECTION = "WaitingForInspection"
    """Another DPOJob inspects the same dataset and model; its report is awaited."""
    QUEUED = "Queued"
    """The pool has no free GPU now; the training Job waits for room."""
    REPLANNING = "Replanning"
    """The pool was changed, deleted or closed, or another one has room, before a pod had a node: the training Job is
    withdrawn, and the job is planned again."""
    STARTING = "Starting"
    """The training pod is being scheduled, pulls its image or loads the model."""
    TRAINING = "Training"
    """Optimizer steps are being taken."""
    PROGRESS_UNREACHABLE = "ProgressUnreachable"
    """The training pod runs, and the operator cannot read its progress, often because of a NetworkPolicy; the
    message has the policy to write. Training goes on."""
    BATCH_HALVED = "BatchHalved"
    """In an Event: a GPU ran out of memory, and training goes on from its latest checkpoint with half of the
    batch per GPU. `status.progress.notice` says it as well."""
    STOPPED = "Stopped"
    """No training pod runs (finished, suspended or failed)."""

    # Whether dataset and model are valid.
    VALID = "Valid"
    """Every row was checked and none is wrong."""
    VALID_WITH_WARNINGS = "ValidWithWarnings"
    """Every row was checked; none is wrong, and the warnings are worth reading."""
    ROWS_DROPPED = "RowsDropped"
    """`invalidRows: Drop` left rows out; the rest is valid."""
    DATASET_INVALID = "DatasetInvalid"
    """The columns or rows do not fit; the message says what to write."""
    TOO_MANY_INVALID_ROWS = "TooManyInvalidRows"
    """`invalidRows: Drop`, but more rows are invalid than `maxDroppedShare` allows."""
    DATASET_NOT_FOUND = "DatasetNotFound"
    """No such repository, split, file or URL, or no access to it."""
    DATASET_UNREADABLE = "DatasetUnreadable"
    """The file exists and cannot be read in the format of its name."""
    DATASET_CHANGED = "DatasetChanged"
    """A file of the dataset is no longer what was inspected; nothing was trained on it."""
    MODEL_NOT_FOUND = "ModelNotFound"
    """No such model repository, directory or revision, or no access to it."""
    MODEL_UNREADABLE = "ModelUnreadable"
    """The model's config or weight headers cannot be read, or DPO cannot go on from this adapter."""
    CLAIM_NOT_FOUND = "ClaimNotFound"
    """A named PersistentVolumeClaim does not exist in the namespace."""
    SECRET_NOT_FOUND = "SecretNotFound"
    """A named Secret or key does not exist; the pod says so, the operator reads no Secrets."""
    INVALID_ARGUMENTS = "InvalidArguments"
    """`training.arguments` holds an unknown name, a wrong type, a field the plan owns, or what cannot be
    followed: together with the rest, by this model, or without a package that the image has not."""
    OUTPUT_OCCUPIED = "OutputOccupied"
    """The output directory holds another job's model, what this job reads, or files it would replace, or
    another job that has not ended writes to it."""
    INSPECTION_FAILED = "InspectionFailed"
    """The inspection pod ended without a report (evicted, out of memory, image not pulled)."""

    # Planning.
    FITS = "Fits"
    """A pool, a method and a batch were found that fit."""
    POOL_NOT_FOUND = "PoolNotFound"
    """`hardware.pool` names no GPUPool."""
    POOL_NOT_ALLOWED = "PoolNotAllowed"
    """The named pool is closed to this namespace."""
    NO_POOLS = "NoPools"
    """The cluster has no GPUPool open to this namespace."""
    NOTHING_FITS = "NothingFits"
    """No open pool can hold this training; the message gives the size that would."""
    BUDGET_TOO_SMALL = "BudgetTooSmall"
    """The estimate exceeds `budget`; the message says by how much and what would fit."""

    # Health.
    HEALTHY = "Healthy"
    """Figures are as a good run's."""
    NAN_LOSS = "NaNLoss"
    """Gradient norm or rewards are not numbers."""
    ACCURACY_SATURATED_EARLY = "AccuracySaturatedEarly"
    """Reward accuracy is about 1 from the start: something trivial separates chosen from rejected."""
    CHOSEN_COLLAPSE = "ChosenCollapse"
    """Log-probabilities of chosen answers fall far, with the rejected."""
    MARGIN_FLAT = "MarginFlat"
    """The reward margin does not rise: nothing is being learned."""
    OVERFITTING = "Overfitting"
    """Training loss falls while evaluation loss rises."""
    REWARD_HACKING = "RewardHacking"
    """`evaluation.everyEval`: the judge prefers the answers less than before while the rewards rise. Training
    stopped, and the best checkpoint by the judge is kept."""

    # The evaluation's verdict.
    BETTER_THAN_BASE = "BetterThanBase"
    """The judge prefers the tuned model's answers: the 95% interval of its win rate lies above 50%. Without a judge: a benchmark task is better than before."""
    NOT_BETTER = "NotBetter"
    """The judge prefers the answers of the model before: the interval lies below 50%."""
    TASK_REGRESSED = "TaskRegressed"
    """A benchmark task is worse than before: the paired interval and test exclude no change, and the loss is more than `evaluation.require.maxTaskDrop`."""
    LONGER_ONLY = "LongerOnly"
    """The tuned model's answers win because they are longer: at equal length the interval does not lie above 50%."""
    REQUIREMENT_NOT_MET = "RequirementNotMet"
    """The tuned model is better, and not by as much as `evaluation.require` asks for."""
    INCONCLUSIVE = "Inconclusive"
    """The interval holds 50%, or that of a benchmark task no change; the message says how many prompts or samples would decide."""
    NOT_EVALUATED = "NotEvaluated"
    """The evaluation could not be made; the message says why. The model is complete."""

    # Suspension and the end.
    SUSPENDED_BY_USER = "SuspendedByUser"
    """`spec.suspend` is true."""
    SUSPENDED_BY_QUEUE = "SuspendedByQueue"
    """A queueing system (such as Kueue) holds the inspection or training Job suspended."""
    QUEUE_EDIT_NOT_APPLIED = "QueueEditNotApplied"
    """The label of the DPOJob for Kueue's queue or priority was edited, and Kueue does not allow the edit on the
    Job that exists; the message says what to do."""
    QUEUE_EDIT_APPLIED = "QueueEditApplied"
    """The Job has the queue and the priority of the DPOJob again."""
    NOT_SUSPENDED = "NotSuspended"
    """Nothing holds the job back."""
    RESUMED = "Resumed"
    """Nothing holds the job back any more; training goes on from the newest complete checkpoint."""
    COMPLETED = "Completed"
    """The model and its report are in place."""
    VALIDATED = "Validated"
    """`validateOnly`: the dataset was checked and the plan made; nothing was trained."""
    GPU_NOT_USABLE = "GPUNotUsable"
    """The training container cannot use the GPU that its plan counts on: none is visible, the driver is
    too old, or the GPU is older than the image's CUDA libraries support. Never retried."""
    OUT_OF_MEMORY = "OutOfMemory"
    """Training needed more GPU memory than the GPU has; the message gives the peak and remedies."""
    DISK_FULL = "DiskFull"
    """A volume is full; the last good checkpoint is intact."""
    BUDGET_EXCEEDED = "BudgetExceeded"
    """Stopped at the limit in `budget`; the checkpoint is kept."""
    UNHEALTHY = "Unhealthy"
    """A health guard stopped the run (`onUnhealthy: Stop`)."""
    TRAINING_FAILED = "TrainingFailed"
    """The training process failed; the message is the error that it reported."""
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    """Training failed more often than `backoffLimit` allows."""
    PUSH_FAILED = "PushFailed"
    """The model was trained and could not be uploaded; it is kept on the volume."""
    JOB_DELETED = "JobDeleted"
    """A child Job that the status records was deleted, and not by the operator. It is not run again."""
    JOB_DISPATCHED = "JobDispatched"
    """Kueue would run the inspection or training Job in another cluster (MultiKueue), where it cannot be followed."""
    CREATION_REFUSED = "CreationRefused"
    """The API server refuses to make a child (policy, permission); the message says why. Tried again."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota of the namespace refuses a child; the message names it. Tried again."""
    COST_QUOTA_EXCEEDED = "CostQuotaExceeded"
    """A CostQuota of the namespace has no room for the cost of the plan; the job waits, before a GPU is asked
    for."""
    COST_QUOTA_UNREADABLE = "CostQuotaUnreadable"
    """This operator cannot read a CostQuota of the namespace (an older or newer CRD is installed), so a job that has
    a price waits; those that run go on. On a CostQuota: it is the one."""
    COST_QUOTA_USED_UP = "CostQuotaUsedUp"
    """Stopped because a CostQuota of the namespace is used up; the checkpoint is kept. On a CostQuota: it is
    used up."""
    SPEC_TOO_LARGE = "SpecTooLarge"
    """The spec is larger than what a pod's annotations can hold; the message names its largest field."""
    JOB_NAME_CONFLICT = "JobNameConflict"
    """Another owner's object has the name this job's child must have; it is never adopted."""
    DEPENDENCY_FAILED = "DependencyFailed"
    """The job named by `model.fromJob` failed."""
    DEPENDENCY_CYCLE = "DependencyCycle"
    """`model.fromJob` leads back to this job."""
    DEPENDENCY_HAS_NO_OUTPUT = "DependencyHasNoOutput"
    """The job named by `model.fromJob` finished without an output a model can be read from."""
    DEPENDENCY_NOT_IMPROVED = "DependencyNotImproved"
    """`model.fromJob` has `requireImproved: true`, and the named job's condition Improved is not True."""
    INVALID_SPEC = "InvalidSpec"
    """The spec cannot be read by this operator (an older or newer CRD is installed)."""
    RECONCILE_ERROR = "ReconcileError"
    """The operator fails at this job by an unexpected error; its log has the details. Other jobs go on, and it tries
    again."""

    JUDGE_NOT_ALLOWED = "JudgeNotAllowed"
    """`evaluation.judge.program` asks for a program, and the installation runs none."""

    # Ready and Stalled.
    IN_PROGRESS = "InProgress"
    """Reason of `Stalled`: the job has not failed, and the operator can go on with it."""

    # GPUPool.
    NODES_FOUND = "NodesFound"
    """Nodes that match the pool's selector exist."""
    SCALED_TO_ZERO = "ScaledToZero"
    """No node matches now; the pool counts as available, to be scaled up by an autoscaler."""
    INVALID_POOL = "InvalidPool"
    """The pool's figures contradict each other or its nodes. On a DPOJob: the GPU that training got has less
    memory than its pool says; never retried."""
    POOL_UNREADABLE = "PoolUnreadable"
    """This operator cannot read the pool (an older or newer CRD is installed), so no job is planned on it."""

    # CostQuota.
    COST_COUNTED = "CostCounted"
    """The costs of the namespace's jobs are counted."""
    WITHIN_COST_QUOTA = "WithinCostQuota"
    """Less than the quota's limit is used."""


class PoolConditionType(StrEnum):
    """Types of conditions on a GPUPool."""

    AVAILABLE = "Available"
    READY = "Ready"


class QuotaConditionType(StrEnum):
    """Types of conditions on a CostQuota."""

    EXHAUSTED = "Exhausted"
    READY = "Ready"
