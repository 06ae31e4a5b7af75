"""The environment of the inspection and training containers: input files and variables.

Every input file and every variable is read here and nowhere else, those that belong to libraries, such as
experiment trackers, included. The libraries read theirs themselves; `set_defaults` sets them before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dpojob_api import constants
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

if TYPE_CHECKING:
    from dpojob_api.plan import Plan

ENV_TERMINATION_LOG = "DPOJOB_TERMINATION_LOG"
"""The file of the termination message; for tests and for running without a kubelet."""
ENV_PROGRESS_PORT = "DPOJOB_PROGRESS_PORT"
"""Another port than PROGRESS_PORT, for several runs on one machine."""
ENV_TRACKERS = "DPOJOB_TRACKERS"
"""Comma-separated names of further experiment trackers in an installation's own training image."""
ENV_PACKAGES = "DPOJOB_PACKAGES"
"""Comma-separated names of further Python packages in an installation's own training image."""
ENV_OUTCOMES = "DPOJOB_OUTCOMES"
"""The directory in which each process of a node leaves its outcome for the launcher."""
ENV_SMALLER_BATCH = "DPOJOB_SMALLER_BATCH"
"""Why a training process has half of the planned batch per GPU, for people; the launcher sets it."""
ENV_PRIVATE_URLS = "DPOJOB_ALLOW_PRIVATE_URLS"
"""Comma-separated hosts, addresses and CIDR ranges that `dataset.urls` may read though not public."""
ENV_PRIVATE_ENDPOINTS = "DPOJOB_ALLOW_PRIVATE_ENDPOINTS"
"""The same of `evaluation.judge.endpoint`."""
ENV_ALLOW_PROGRAMS = "DPOJOB_ALLOW_PROGRAMS"
"""`true` where files of `evaluation.tasks` may run code of the user's."""
ENV_JUDGE_KEY_FILE = "DPOJOB_JUDGE_KEY_FILE"
"""Another file with the key of the judge's endpoint, for the command on a user's machine."""
ENV_RANK = "RANK"
"""The number of a training process in its set; the launcher sets it."""
ENV_LOCAL_RANK = "LOCAL_RANK"
"""The number of a training process on its node, and of its GPU."""
ENV_WORLD_SIZE = "WORLD_SIZE"
"""The training processes of the set."""
ENV_LOCAL_WORLD_SIZE = "LOCAL_WORLD_SIZE"
"""The training processes of a node."""
ENV_OPENMP_THREADS = "OMP_NUM_THREADS"
"""Threads of each process for computations on the CPU."""
ENV_OPENBLAS_THREADS = "OPENBLAS_NUM_THREADS"
"""Threads of numpy's linear algebra."""
ENV_NODE_RANK = "JOB_COMPLETION_INDEX"
"""The number of this node in its set; the Indexed Job sets it."""
ENV_MASTER_ADDR = "MASTER_ADDR"
"""The host name of the first node."""
ENV_MASTER_PORT = "MASTER_PORT"
"""The rendezvous port of the first node."""
ENV_HUB_ENDPOINT = "HF_ENDPOINT"
"""The URL of a hub other than huggingface.co."""

DEFAULT_TERMINATION_LOG = "/dev/termination-log"


@dataclass(frozen=True)
class RankPlace:
    """Which process of a set one is."""

    rank: int
    """Its number in the set, from 0."""
    local_rank: int
    """Its number on its node, from 0."""
    processes: int
    """Processes of the set."""
    local_processes: int
    """Processes of each node."""


class ContainerEnvironment:
    """Typed access to input files and variables; each is read on access.

    A variable that must be set raises KeyError with its name, a file that must exist OSError, and one
    that cannot be parsed ValueError.
    """

    def __init__(self, variables: MutableMapping[str, str] | None = None) -> None:
        """Read from `variables`, or from this process's environment when None."""
        self._variables = os.environ if variables is None else variables

    @property
    def name(self) -> str:
        """The DPOJob's name."""
        return str(self._metadata["name"])

    @property
    def namespace(self) -> str:
        """The DPOJob's namespace."""
        return self._metadata.get("namespace", "default")

    @property
    def uid(self) -> str | None:
        """The DPOJob's UID; None without a cluster."""
        return self._metadata.get("uid")

    @property
    def spec(self) -> DPOJobSpec:
        """The DPOJob's spec."""
        return DPOJobSpec.model_validate(json.loads(self._input(constants.INPUT_MANIFEST))["spec"])

    @property
    def report(self) -> InspectionReport:
        """The inspection report that training relies on."""
        return InspectionReport.model_validate_json(self._input(constants.INPUT_REPORT))

    @property
    def plan(self) -> Plan:
        """The plan to train by."""
        # Imported here, since an inspection has no plan.
        from dpojob_api.plan import Plan

        return Plan.model_validate_json(self._input(constants.INPUT_PLAN))

    @property
    def volumes(self) -> dict[str, Path]:
        """Claim name to the directory where it is mounted."""
        mounts = json.loads(self._input(constants.INPUT_VOLUMES))
        return {claim: Path(directory) for claim, directory in mounts.items()}

    @property
    def scratch(self) -> Path | None:
        """A writable directory that lives as long as the pod; None outside a pod."""
        directory = self._variables.get(constants.ENV_SCRATCH)
        return Path(directory) if directory else None

    @property
    def attempt(self) -> int:
        """The number of this training attempt, from 1."""
        return int(self._variables.get(constants.ENV_ATTEMPT, "1"))

    @property
    def image(self) -> str | None:
        """The image that this container runs."""
        return self._variables.get(constants.ENV_IMAGE) or None

    @property
    def hub_token(self) -> str | None:
        """The user's hub token."""
        return self._variables.get(constants.ENV_HUB_TOKEN) or None

    @property
    def hub_endpoint(self) -> str | None:
        """The hub's URL; None for the default."""
        return self._variables.get(ENV_HUB_ENDPOINT) or None

    @property
    def termination_log(self) -> Path:
        """The file of the termination message."""
        return Path(self._variables.get(ENV_TERMINATION_LOG, DEFAULT_TERMINATION_LOG))

    @property
    def progress_port(self) -> int:
        """The port of the progress server."""
        return int(self._variables.get(ENV_PROGRESS_PORT, constants.PROGRESS_PORT))

    @property
    def extra_trackers(self) -> frozenset[str]:
        """Experiment trackers that the training image has besides the usual ones."""
        return self._names(ENV_TRACKERS)

    @property
    def extra_packages(self) -> frozenset[str]:
        """Python packages that the training image has besides the usual ones."""
        return self._names(ENV_PACKAGES)

    @property
    def private_urls(self) -> list[str]:
        """Hosts, addresses and CIDR ranges that `dataset.urls` may read though they are not public."""
        return sorted(self._names(ENV_PRIVATE_URLS))

    @property
    def private_endpoints(self) -> list[str]:
        """Hosts, addresses and CIDR ranges that a judge's endpoint may have though they are not public."""
        return sorted(self._names(ENV_PRIVATE_ENDPOINTS))

    @property
    def allow_programs(self) -> bool:
        """Whether the files of evaluation tasks may run code; outside a pod they are the user's own."""
        return self.scratch is None or self._variables.get(ENV_ALLOW_PROGRAMS, "") == "true"

    @property
    def judge_key_file(self) -> Path:
        """The file with the key of the judge's endpoint."""
        return Path(self._variables.get(ENV_JUDGE_KEY_FILE, constants.JUDGE_KEY_FILE))

    @property
    def rank(self) -> int | None:
        """The number of this process in its set; None where the launcher did not start it."""
        rank = self._variables.get(ENV_RANK)
        return None if rank is None else int(rank)

    @property
    def is_first_process(self) -> bool:
        """Whether this process has rank 0, or is the only one."""
        return not self.rank

    @property
    def node_rank(self) -> int:
        """The number of this node in its set, from 0."""
        return int(self._variables.get(ENV_NODE_RANK, "0"))

    @property
    def master_address(self) -> str:
        """The host name of the first node."""
        return self._variables[ENV_MASTER_ADDR]

    @property
    def master_port(self) -> int:
        """The rendezvous port of the first node."""
        return int(self._variables[ENV_MASTER_PORT])

    @property
    def outcomes_directory(self) -> Path | None:
        """Where a process leaves its outcome; None where nothing collects outcomes."""
        directory = self._variables.get(ENV_OUTCOMES)
        return Path(directory) if directory else None

    @property
    def smaller_batch_notice(self) -> str | None:
        """Why this process has half of the planned batch per GPU; None where it follows the plan."""
        return self._variables.get(ENV_SMALLER_BATCH)

    def selected(self, names: Iterable[str]) -> dict[str, str]:
        """Those of some variables that are set, with their values."""
        return {name: self._variables[name] for name in names if name in self._variables}

    def set_defaults(self, defaults: Mapping[str, str]) -> None:
        """Set variables that libraries read, where they are not set."""
        for name, value in defaults.items():
            self._variables.setdefault(name, value)

    def pop_secret_variables(self) -> dict[str, str]:
        """Remove the variables of the user's Secret, and return them by the Secret's keys."""
        prefix = constants.ENV_SECRET_PREFIX
        found = [name for name in self._variables if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._variables.pop(name) for name in found}

    def for_rank(
        self,
        place: RankPlace,
        address: str,
        port: int,
        outcomes_directory: Path,
        smaller_batch_notice: str | None,
    ) -> dict[str, str]:
        """The variables of a training process, by which torch.distributed finds the others.

        Args:
            place: Which process of the set it is.
            address: The first node's address.
            port: The port of torch.distributed's store there.
            outcomes_directory: Where the process leaves its outcome.
            smaller_batch_notice: Why it has half of the planned batch per GPU; None where it follows the plan.

        Returns:
            All variables of this process, and those.
        """
        notice = smaller_batch_notice
        return {
            # As torchrun has it: the processes of a node share its CPUs.
            ENV_OPENMP_THREADS: "1",
            **self._variables,
            ENV_OUTCOMES: str(outcomes_directory),
            ENV_RANK: str(place.rank),
            ENV_LOCAL_RANK: str(place.local_rank),
            ENV_WORLD_SIZE: str(place.processes),
            ENV_LOCAL_WORLD_SIZE: str(place.local_processes),
            ENV_MASTER_ADDR: address,
            ENV_MASTER_PORT: str(port),
            **({} if notice is None else {ENV_SMALLER_BATCH: notice}),
        }

    @property
    def _metadata(self) -> dict[str, str]:
        manifest = json.loads(self._input(constants.INPUT_MANIFEST))
        metadata: dict[str, str] = manifest["metadata"]
        return metadata

    def _input(self, name: str) -> bytes:
        """The content of an input file."""
        directory = self._variables.get(constants.ENV_INPUTS, constants.INPUTS_ROOT)
        return (Path(directory) / name).read_bytes()

    def _names(self, variable: str) -> frozenset[str]:
        """The names in a comma-separated variable."""
        names = self._variables.get(variable, "").split(",")
        return frozenset(name.strip() for name in names if name.strip())
