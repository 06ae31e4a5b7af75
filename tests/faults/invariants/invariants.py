"""The invariants of docs/promise.md: each function yields the violations in one run, with evidence."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.injection.request_log import Entry, Log

from dpojob_api.base import JSONObject
from dpojob_api.constants import (
    GROUP,
    INPUT_MANIFEST,
    LABEL_ATTEMPT,
    LABEL_JOB_UID,
    LABEL_STAGE,
    STAGE_TRAIN,
)
from dpojob_api.spec import MUTABLE_ALWAYS

from .history import History

TERMINAL = ("Complete", "Failed", "Finished")
FINISHED_LINE = re.compile(r'^dpojob_finished_total\{condition="(\w+)",reason="(\w+)"\} ([\d.]+)')
RUNNING_LINE = re.compile(r"^dpojob_training_\w+\{.*\}")


@dataclass(frozen=True)
class Violation:
    """A rule that a run broke."""

    rule: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.evidence}"


def _owner_and_attempt(job: JSONObject) -> tuple[str, str]:
    labels = job["metadata"].get("labels") or {}
    return labels.get(LABEL_JOB_UID, ""), labels.get(LABEL_ATTEMPT, "")


LABEL_LATE = "faults.dpojob.dev/late"
"""On Jobs whose create the harness lets take effect late, beside the next attempt's Job."""


def _is_training_job(job: JSONObject) -> bool:
    return bool((job["metadata"].get("labels") or {}).get(LABEL_STAGE) == STAGE_TRAIN)


def true_conditions(item: JSONObject) -> dict[str, JSONObject]:
    """Those that hold, by type."""
    listed = (item.get("status") or {}).get("conditions") or []
    return {c["type"]: c for c in listed if c["status"] == "True"}


def one_training_job(history: History, log: Log) -> Iterator[Violation]:
    """At most one training Job per UID and attempt: in the API server, and made through the proxy."""
    rule = "at most one training Job per UID and attempt"
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for job in history.versions["jobs"]:
        if _is_training_job(job):
            seen[_owner_and_attempt(job)].add(f"{job['metadata']['name']} {job['metadata']['uid']}")
    for whose, jobs in seen.items():
        if len(jobs) > 1:
            yield Violation(rule, f"{whose} had {sorted(jobs)}")
    made: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in log.writes:
        body = entry.body or {}
        created = str(entry.kind) == "create jobs" and entry.status == 201
        if created and _is_training_job(body):
            made[_owner_and_attempt(body)].append(entry)
    for whose, entries in made.items():
        if len(entries) > 1:
            yield Violation(rule, f"{whose} was made by {[str(e) for e in entries]}")


def one_attempt_at_a_time(history: History, _: Log) -> Iterator[Violation]:
    """A training Job is made only when the one before it is gone: two never write one output."""
    alive: dict[str, tuple[str, str]] = {}
    gone: set[str] = set()
    last = {uid: len(versions) for uid, versions in history.by_uid("jobs").items()}
    count: dict[str, int] = defaultdict(int)
    for job in history.versions["jobs"]:
        if not _is_training_job(job) or LABEL_LATE in job["metadata"]["labels"]:
            continue
        uid, (owner, attempt) = job["metadata"]["uid"], _owner_and_attempt(job)
        count[uid] += 1
        before = alive.get(owner)
        if before is not None and before[0] != uid and before[0] not in gone:
            yield Violation("one training Job at a time", f"{owner}: {before} and {uid} {attempt}")
        alive[owner] = (uid, attempt)
        ended = {"Complete", "Failed"} & set(true_conditions(job))
        if ended or (uid in history.gone and count[uid] == last[uid]):
            gone.add(uid)


def one_writer(history: History, _: Log) -> Iterator[Violation]:
    """A training pod is made only when no other DPOJob's pod writes to its output directory."""
    writing: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    last = {uid: len(versions) for uid, versions in history.by_uid("pods").items()}
    count: dict[str, int] = defaultdict(int)
    for pod in history.versions["pods"]:
        given = _spec_given(pod) if _is_training_job(pod) else None
        place = ((given or {}).get("output") or {}).get("volume")
        if not place:
            continue
        uid, (owner, _attempt) = pod["metadata"]["uid"], _owner_and_attempt(pod)
        there = writing[place["claimName"], place.get("path", "")]
        count[uid] += 1
        if count[uid] == 1:
            others = sorted(other for other, whose in there.items() if whose != owner)
            if others:
                yield Violation("one job writes to an output", f"{place}: {others} and {uid}")
            there[uid] = owner
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if ended or (uid in history.gone and count[uid] == last[uid]):
            there.pop(uid, None)


def terminal_stays(history: History, _: Log) -> Iterator[Violation]:
    """A terminal condition never reverts, nor changes its reason, nor does the opposite join it."""
    for versions in history.by_uid("dpojobs").values():
        ended: dict[str, str] = {}
        for job in versions:
            now = {t: c["reason"] for t, c in true_conditions(job).items() if t in TERMINAL}
            if ended and now != ended:
                evidence = f"{job['metadata']['name']}: {ended} became {now or 'nothing'}"
                yield Violation("a terminal condition never reverts", evidence)
                break
            if {"Complete", "Failed"} <= set(now):
                yield Violation("Complete or Failed, never both", f"{now}")
                break
            ended = now


def generation_is_monotone(history: History, _: Log) -> Iterator[Violation]:
    """`observedGeneration` never falls, and never exceeds the generation."""
    for versions in history.by_uid("dpojobs").values():
        highest: dict[str, int] = defaultdict(lambda: -1)  # the default of the CRD
        for job in versions:
            status = job.get("status") or {}
            reported = {"status": status.get("observedGeneration")}
            reported |= {
                c["type"]: c.get("observedGeneration") for c in status.get("conditions") or []
            }
            for where, number in reported.items():
                if number is None:
                    continue
                if number < highest[where] or number > job["metadata"]["generation"]:
                    evidence = f"{where}: {number} after {highest[where]}"
                    yield Violation("observedGeneration is monotone", evidence)
                    return
                highest[where] = number


def trained_is_inspected(history: History, _: Log) -> Iterator[Violation]:
    """The spec that trains is the one that was inspected, but for what may change at any time."""
    inspected: dict[str, JSONObject] = {}
    for job in history.versions["jobs"]:
        spec = _inspected_fields(job)
        if spec is None:
            continue
        owner, _ = _owner_and_attempt(job)
        looked = inspected.setdefault(owner, spec)
        if looked != spec:
            differ = sorted(part for part in {*looked, *spec} if looked.get(part) != spec.get(part))
            yield Violation("what is trained is what was inspected", f"{owner}: {differ} differ")
            return


def _inspected_fields(job: JSONObject) -> JSONObject | None:
    """The fields that a Job's container gets, without what may change; the operator itself names the output claim after
    inspection."""
    spec = _spec_given((job.get("spec") or {}).get("template") or {})
    free = (*MUTABLE_ALWAYS, "output")
    return spec and {part: value for part, value in spec.items() if part not in free}


def _spec_given(pod: JSONObject) -> JSONObject | None:
    """The DPOJob's spec that the containers of a pod, or of a pod template, get."""
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    manifest = annotations.get(f"{GROUP}/{INPUT_MANIFEST}")
    return None if manifest is None else dict(json.loads(manifest)["spec"])


def no_orphan(history: History, _: Log) -> Iterator[Violation]:
    """Nothing outlives its owner. Asked after the owners were deleted and time was given."""
    for kind in ("dpojobs", "jobs", "pods"):
        for item in history.newest(kind):
            evidence = (
                f"{kind} {item['metadata']['name']} of {_owner_and_attempt(item)} is still there"
            )
            yield Violation("nothing outlives its owner", evidence)


def every_child_is_owned(_: History, log: Log) -> Iterator[Violation]:
    """Every Job is made with a controlling owner, so that it goes with its DPOJob."""
    for entry in log.writes:
        owners = ((entry.body or {}).get("metadata") or {}).get("ownerReferences") or []
        if entry.kind.verb == "create" and entry.status == 201 and entry.kind.resource == "jobs":
            wrong = [owner for owner in owners if owner.get("controller") is not True]
            if wrong or not owners:
                yield Violation("every child has a controlling owner", str(entry))


def log_is_clean(text: str) -> Iterator[Violation]:
    """The operator never meets an error it did not foresee."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if "unexpected error" in line:
            more = next(
                (later for later in lines[number + 1 :] if re.match(r"\w+(\.\w+)*: ", later)), ""
            )
            yield Violation("no unforeseen error", f"{line.strip()[:300]} {more[:300]}")
            return


def metrics_match(text: str, log: Log, process_number: int) -> Iterator[Violation]:
    """`dpojob_finished_total` counts exactly the ends whose write this process saw succeed."""
    reported: dict[tuple[str, str], int] = defaultdict(int)
    for line in text.splitlines():
        if (found := FINISHED_LINE.match(line)) is not None:
            reported[found[1], found[2]] += int(float(found[3]))
        if RUNNING_LINE.match(line):
            yield Violation("a finished job has no series", line)
    wanted: dict[tuple[str, str], int] = defaultdict(int)
    over: set[str] = set()
    for entry in log.writes:
        if str(entry.kind) != "update dpojobs/status" or entry.status != 200 or not entry.body:
            continue
        true, uid = true_conditions(entry.body), entry.body["metadata"]["uid"]
        if "Finished" not in true or uid in over:
            continue
        over.add(uid)
        if entry.answered == 200 and entry.process_number == process_number:
            for type_ in ("Complete", "Failed"):
                if type_ in true:
                    wanted[type_, true[type_]["reason"]] += 1
    if reported != wanted:
        yield Violation("terminal metrics equal outcomes", f"{dict(reported)}, not {dict(wanted)}")


def ends_match(history: History, ends: Mapping[str, str]) -> Iterator[Violation]:
    """Every DPOJob ended for the reason that the scenario is about."""
    there = {job["metadata"]["name"]: job for job in history.newest("dpojobs")}
    for name in sorted(set(there) | set(ends)):
        reason = (
            true_conditions(there.get(name, {}))
            .get("Finished", {})
            .get("reason", "gone or not ended")
        )
        if reason != ends.get(name, "gone or not ended"):
            yield Violation("it ends as it should", f"{name}: {reason}, not {ends.get(name)}")


RUN_INVARIANTS: tuple[Callable[[History, Log], Iterator[Violation]], ...] = (
    one_training_job,
    one_attempt_at_a_time,
    one_writer,
    terminal_stays,
    generation_is_monotone,
    every_child_is_owned,
    trained_is_inspected,
)
"""Rules over the whole course of a run."""
