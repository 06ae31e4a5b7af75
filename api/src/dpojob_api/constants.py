"""Every name that several processes share (labels, environment, files, exit codes), with its meaning."""

from typing import Literal

GROUP = "dpojob.dev"
"""API group of DPOJob and GPUPool."""
VERSION = "v1alpha1"
"""The served and stored version."""
API_VERSION = f"{GROUP}/{VERSION}"
UNOBSERVED_GENERATION = -1
"""`status.observedGeneration` of an object that the operator has not seen yet, by the CRD's default: readers
of kstatus take such an object for InProgress, and one without any status for Current."""

CONTROLLER_NAME = f"{GROUP}/operator"
"""The value of `spec.managedBy` that stands for the operator, as no value does."""

# Labels, on every object the operator makes.
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
"""Always "dpojob": the operator's watches select its Jobs and Pods by it."""
MANAGED_BY = "dpojob"
LABEL_JOB_NAME = f"{GROUP}/job"
"""Name of the DPOJob (shortened to 63 characters, as labels must be), for selectors."""
LABEL_JOB_UID = f"{GROUP}/uid"
"""UID of the DPOJob that owns the object; unlike the name, it is never reused."""
LABEL_STAGE = f"{GROUP}/stage"
"""Which stage the child serves: "inspect" or "train"."""
LABEL_ATTEMPT = f"{GROUP}/attempt"
"""Number of the training attempt, from 1."""
LABEL_OUTPUT_DIRECTORY = f"{GROUP}/output-directory"
"""On a training Job and its pods: a hash of the claim and the directory on it that they write to."""
STAGE_INSPECT = "inspect"
STAGE_TRAIN = "train"

# Annotations.
ANNOTATION_INSPECTION_KEY = f"{GROUP}/inspection-key"
"""On an inspection Job: the hash of its inputs, by which later jobs reuse its report."""
ANNOTATION_OUTPUT = f"{GROUP}/output"
"""On a batch/v1 Job or TrainJob named by `model.fromJob`: its output, as "claim/path" or
"hub:repo@revision"."""
ANNOTATION_OUTPUT_MAX_LENGTH = f"{GROUP}/output-max-length"
"""Beside ANNOTATION_OUTPUT: the longest sequence, in tokens, that job trained on."""

# Inputs of the inspection and training containers: JSON files in INPUTS_ROOT. Each one is an annotation
# `dpojob.dev/<file name>` of the pod, mounted by a downwardAPI volume. A container's env, args and command
# hold nothing that a user wrote, because the kubelet replaces `$(NAME)` and `$$` there.
INPUTS_ROOT = "/etc/dpojob/inputs"
"""Where the input files are mounted."""
INPUT_MANIFEST = "manifest.json"
"""The DPOJob: name, namespace, uid and spec, as they were when the Job was made."""
INPUT_REPORT = "report.json"
"""The result of inspection (an InspectionReport without its long parts)."""
INPUT_PLAN = "plan.json"
"""The plan to follow (a Plan)."""
INPUT_VOLUMES = "volumes.json"
"""An object: name of a PersistentVolumeClaim to the directory where it is mounted."""

# Environment of the inspection and training containers.
ENV_INPUTS = "DPOJOB_INPUTS"
"""The directory of the input files."""
ENV_ATTEMPT = "DPOJOB_ATTEMPT"
"""Number of this training attempt, from 1."""
ENV_IMAGE = "DPOJOB_IMAGE"
"""The image this container runs, for the model's lineage."""
ENV_SCRATCH = "DPOJOB_SCRATCH"
"""A writable directory that lives as long as the pod."""
ENV_HUB_TOKEN = "HF_TOKEN"
"""The user's hub token, from `hubTokenSecret`."""
ENV_SECRET_PREFIX = "DPOJOB_SECRET_"
"""Begins the variables of the training container that are keys of `environmentSecret`, so that a key has no
meaning to the loader, to Python or to the trainer before the trainer has looked at its name."""

VOLUMES_ROOT = "/volumes"
"""PersistentVolumeClaims are mounted at VOLUMES_ROOT/<claim name>."""
SCRATCH_ROOT = "/scratch"
"""The pod's emptyDir: caches, temporary files, and checkpoints when there is no output volume."""
JUDGE_KEY_DIRECTORY = "/etc/dpojob/judge"
"""Where the training pod has the Secret of `evaluation.judge.endpoint`, as a file: no process shows it."""
JUDGE_KEY_FILE = f"{JUDGE_KEY_DIRECTORY}/key"
PROGRESS_PORT = 8080
"""Serves GET /progress (JSON) and GET /metrics (Prometheus) in the training pod."""
PROGRESS_PORT_NAME = "progress"
TRAINING_METRIC_PREFIX = "dpojob_training_"
"""Begins the names of a running job's metrics, both in the training pod and in the operator."""
CONTAINER_INSPECT = "inspect"
CONTAINER_TRAIN = "train"
TERMINATION_MESSAGE_BYTES = 4096
"""The kubelet keeps this much of a container's termination message (Kubernetes API docs)."""

# Directories on the cache volume.
REFERENCE_STORE_DIRECTORY = "reference-log-probabilities"
TOKENIZED_ROWS_DIRECTORY = "tokenized-rows"

# Files in the output directory.
FILE_MODEL_CARD = "README.md"
FILE_REPORT = "report.html"
FILE_METRICS = "metrics.jsonl"
FILE_INSPECTION = "inspection.json"
FILE_INSPECTION_PAGE = "inspection.html"
"""The report with rows of the dataset; it stays on the claim and is not uploaded with the model."""
CHECKPOINT_DIRECTORY = ".checkpoints"
"""Holds checkpoints while training runs; removed when the model is complete."""

Phase = Literal[
    "Pending", "Waiting", "Inspecting", "Planning", "Queued", "Training", "Suspended", "Complete", "Failed",
]  # fmt: skip
"""Values of `status.phase`, in the order of a job's life."""


class ExitCode:
    """Exit status of the `dpojob` command and of the containers. The Job's failure policy reads it."""

    OK = 0
    INVALID = 1
    """inspect: the dataset is invalid; plan: nothing fits; train: an unforeseen failure (retried)."""
    UNREADABLE_INPUT = 2
    """inspect: missing dataset, no access, bad file; any command: a bad manifest."""
    USER_ERROR = 10
    """train: a failure that only a change of the spec or the data can fix; never retried."""
    OUT_OF_MEMORY = 11
    """train: the GPU (or the container) ran out of memory; never retried unchanged."""
    INTERRUPTED = 12
    """train: stopped by SIGTERM with a checkpoint saved; resumes free of charge."""
    DISK_FULL = 13
    """train: no space left; the last good checkpoint is intact; never retried unchanged."""
    UNHEALTHY = 14
    """train: a health guard stopped the run (`onUnhealthy: Stop`); never retried unchanged."""
    GPU_NOT_USABLE = 15
    """train: the node's GPU is not what the pool promises: unusable, or with too little memory; never
    retried, since every node of the pool is alike."""
