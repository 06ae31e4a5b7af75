"""From parsed documents to a job and GPUPools, or to the list of everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dpojob_api.constants import API_VERSION, GROUP
from dpojob_api.spec import DPOJobSpec

from .cel_rules import Path
from .checks import KINDS, check_document, without_nulls

if TYPE_CHECKING:
    from dpojob_api.pool import GPUPool


@dataclass(frozen=True)
class ManifestProblem:
    """One error in a manifest."""

    message: str
    document: int = 0
    """Number of the document, from 0."""
    path: Path = ()
    """Place in the document."""


class ManifestError(ValueError):
    """A manifest that the API server would refuse, with everything that is wrong with it.

    Args:
        problems: The problems, in the order of the error's text; one at least.

    Attributes:
        problems: The same, as a list.
    """

    def __init__(self, problems: Iterable[ManifestProblem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


@dataclass(frozen=True)
class JobManifest:
    """A DPOJob as a file has it: without a status, whose models a command on a file needs not."""

    metadata: dict[str, Any]
    spec: DPOJobSpec

    @property
    def name(self) -> str:
        """metadata.name; empty where the API server makes one."""
        return str(self.metadata.get("name", ""))


@dataclass(frozen=True)
class Manifest:
    """The contents of a file: at most one job, and pools."""

    job: JobManifest | None = None
    pools: list[GPUPool] = field(default_factory=list)
    others: int = 0
    """Documents of other kinds, of which nothing is read here."""


def load(documents: Iterable[Any]) -> JobManifest:
    """Read the one DPOJob among parsed documents.

    Args:
        documents: Parsed YAML or JSON documents.

    Returns:
        The job.

    Raises:
        ManifestError: There is no DPOJob or several, or a document is invalid.
    """
    job = load_all(documents).job
    if job is None:
        raise ManifestError(
            [
                ManifestProblem(
                    f"there is no DPOJob here; it begins with apiVersion: {API_VERSION}, kind: DPOJob"
                )
            ]
        )
    return job


def load_all(documents: Iterable[Any]) -> Manifest:
    """Read the job and the pools among parsed documents.

    Args:
        documents: Parsed YAML or JSON documents; empty ones (None) are ignored.

    Returns:
        At most one job, the pools, and the number of documents of other kinds.

    Raises:
        ManifestError: A document is invalid, or there are several jobs.
    """
    problems: list[ManifestProblem] = []
    jobs: list[JobManifest] = []
    pools: list[GPUPool] = []
    others = 0
    for number, document in enumerate(documents):
        if document is None:
            continue
        kind = document.get("kind") if isinstance(document, Mapping) else None
        version = str(document.get("apiVersion", "")) if isinstance(document, Mapping) else ""
        foreign = isinstance(kind, str) and kind not in KINDS
        if foreign and not version.startswith(f"{GROUP}/") and version not in KINDS:
            others += 1
            continue
        found = [ManifestProblem(text, number, path) for path, text in check_document(document)]
        problems += found
        if found:
            continue
        clean = without_nulls(document)
        if kind == "DPOJob":
            spec = DPOJobSpec.model_validate(clean["spec"])
            jobs.append(JobManifest(clean.get("metadata", {}), spec))
        elif kind == "GPUPool":
            from dpojob_api.pool import GPUPool

            pools.append(GPUPool.model_validate(clean))
        else:
            others += 1  # a CostQuota, which nothing here reads
    if len(jobs) > 1:
        names = ", ".join(str(job.metadata.get("name", "?")) for job in jobs)
        problems.append(
            ManifestProblem(f"there are {len(jobs)} DPOJobs here ({names}); give one at a time")
        )
    if problems:
        raise ManifestError(problems)
    return Manifest(jobs[0] if jobs else None, pools, others)
