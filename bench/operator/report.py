"""The tables of the page, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log
from statistics import linear_regression, median

from bench.pages import table

from .compare import Trial
from .control_plane import COMPONENTS
from .fleet import Fleet
from .load import Burst
from .soak import Sample, Soak


def comparison(trials: Sequence[Trial]) -> list[str]:
    """The table of all candidates, and one of each one's requests."""
    names = list(dict.fromkeys(trial.candidate for trial in trials))
    by_name = {name: [trial for trial in trials if trial.candidate == name] for name in names}
    rows = [["one job, warm, median", *(_latency(by_name[name]) for name in names)]]
    sizes = [burst.jobs for burst in trials[0].bursts]
    for index, size in enumerate(sizes):
        rows += [
            [f"{size:,} at once: time", *(_seconds(by_name[name], index) for name in names)],
            [f"{size:,} at once: rate", *(_rate(by_name[name], index) for name in names)],
            [
                f"{size:,} at once: p50, p99",
                *(_percentiles(by_name[name], index) for name in names),
            ],
            [
                f"{size:,} at once: create calls",
                *(_created(by_name[name], index) for name in names),
            ],
        ]
    last = sizes[-1]
    rows += [
        [
            f"API requests per job ({last:,} at once)",
            *(
                f"{_middle(trial.requests[last].total / last for trial in by_name[name]):.1f}"
                for name in names
            ),
        ],
        [
            "CPU s per 1,000 jobs: controllers",
            *(_cpu(by_name[name], last, own=True) for name in names),
        ],
        [
            "CPU s per 1,000 jobs: control plane",
            *(_cpu(by_name[name], last, own=False) for name in names),
        ],
        ["resident memory after, MiB", *(_resident(by_name[name]) for name in names)],
    ]
    lines = [*table(["", *names], rows), "", *ratios(by_name)]
    for name in names:
        if any(trial.requests[last].counts for trial in by_name[name]):
            lines += ["", *requests(by_name[name][-1], last)]
    return lines


def ratios(by_name: Mapping[str, Sequence[Trial]]) -> list[str]:
    """The last candidate beside each of the others, from the same run."""
    *others, own = by_name
    rows = []
    for other in others:
        theirs, ours = by_name[other], by_name[own]
        latency = _middle(t.latency for t in ours) / _middle(t.latency for t in theirs)
        row = [other, f"{latency:.2f}"]
        for index, _ in enumerate(ours[0].bursts):
            rates = [_middle(t.bursts[index].rate for t in trials) for trials in (ours, theirs)]
            row.append(f"{rates[0] / rates[1]:.2f}")
        rows.append(row)
    if not rows:
        return []
    sizes = [f"rate of {burst.jobs:,}" for burst in by_name[own][0].bursts]
    return [f"{own}, divided by:", "", *table(["", "time of one job", *sizes], rows)]


def requests(trial: Trial, size: int, when: str = "") -> list[str]:
    """Requests of a candidate's controllers by verb and resource, with their bytes where these were recorded.

    Args:
        trial: What was measured.
        size: The number of jobs.
        when: When they were made, for the title; by default, while that many jobs were created at once.
    """
    found = trial.requests[size]
    sizes = found.bytes_by_job()
    rows = [
        [verb, resource, f"{count / size:.2f}", *_kilobytes(sizes[verb, resource] / size, sizes)]
        for (verb, resource), count in found.by_job().most_common()
        if count / size >= 0.005
    ]
    rows.append(
        ["", "all", f"{found.total / size:.2f}", *_kilobytes(sum(sizes.values()) / size, sizes)]
    )
    title = f"API requests of {trial.candidate} per job, {when or f'{size:,} at once'}:"
    header = ["verb", "resource", "per job", *(["KB of JSON bodies per job"] if sizes else [])]
    lines = [title, "", *table(header, rows)]
    if trial.wire_bytes.get(size) and sizes:
        wire = trial.wire_bytes[size] / size / 1000
        lines += ["", f"On its connections, watches included: {wire:.0f} KB per job."]
    return lines


def _kilobytes(size: float, recorded: Mapping[tuple[str, str], int]) -> list[str]:
    return [f"{size / 1000:.1f}"] if recorded else []


def scale(trials: Sequence[Trial]) -> list[str]:
    """The time of each number of jobs at once, and the exponent of its growth."""
    bursts = [trial.bursts[0] for trial in trials]
    rows = [
        [
            f"{burst.jobs:,}",
            f"{burst.seconds:.1f} s",
            f"{burst.rate:.1f}/s",
            f"{trial.resident[name]:.0f} MiB",
        ]
        for trial, burst in zip(trials, bursts, strict=True)
        for name in trial.resident
    ]
    lines = table(["jobs at once", "time", "rate", "resident memory after"], rows)
    if len(bursts) > 1:
        lines += ["", f"Fitted exponent of the time: {exponent(bursts):.2f}."]
    return lines


def exponent(bursts: Sequence[Burst]) -> float:
    """The slope of log time over log number of jobs, by least squares."""
    return linear_regression(
        [log(burst.jobs) for burst in bursts], [log(burst.seconds) for burst in bursts]
    ).slope


def fleet(found: Fleet) -> list[str]:
    """The figures of a fleet."""
    jobs = max(1, found.finished)
    complete = found.finish_requests
    idle = sum(found.idle.by_job().values())
    rows = [
        ["create to Complete, all finished jobs", f"{found.finish_seconds:.0f} s"],
        ["API requests per job, create to Complete", f"{complete.total / jobs:.1f}"],
        ["resident memory", f"{found.resident:.0f} MiB"],
        ["processor, of one, while the running jobs are polled", f"{found.cpu_share:.2f}"],
        ["readings of progress per second", f"{found.progress_requests / found.seconds:.0f}"],
        ["longest time without a reading of one job", f"{found.longest_gap:.1f} s"],
        ["status writes per running job in 30 s", f"{found.status_writes:.2f}"],
        ["status writes of one running job in any 30 s, at most", f"{found.most_status_writes}"],
        ["restart: to the first reconciliation of a DPOJob", f"{found.restart_seconds:.1f} s"],
        [
            "restart: resident memory after all are polled again",
            f"{found.restart_resident:.0f} MiB",
        ],
        [f"idle: requests in {found.seconds:.0f} s besides watches and the Lease", f"{idle}"],
        ["idle: processor, of one", f"{found.idle_cpu_share:.3f}"],
    ]
    title = f"{found.finished:,} finished and {found.running:,} running DPOJobs"
    lines = table([title, ""], rows)
    if idle:
        named = (
            f"{verb} {resource}: {count}"
            for (verb, resource), count in found.idle.by_job().most_common()
        )
        lines += ["", f"Requests of the idle fleet: {', '.join(named)}."]
    if complete.counts:
        whole = Trial("DPOJob", requests={jobs: complete})
        lines += ["", *requests(whole, jobs, "create to Complete")]
    return lines


SOAK_ROWS = 12
"""Samples in the table."""


def soak(found: Soak) -> list[str]:
    """The samples of a soak, evenly chosen, and its growth of memory."""
    step = max(1, len(found.samples) // SOAK_ROWS)
    chosen = found.samples[::step]
    rows = [_sample("before", found.before)] if found.before else []
    rows += [_sample(f"{sample.seconds / 60:.1f} min", sample) for sample in chosen]
    rows += [_sample("after all are deleted", found.after)] if found.after else []
    named = (
        []
        if found.named is None
        else ["", f"Metric series that still name a deleted job: {found.named}."]
    )
    actions = ", ".join(f"{count} {action}" for action, count in sorted(found.actions.items()))
    header = ["", "jobs", "MiB", "tasks", "threads", "sockets", "files", "metric series"]
    return [
        *table(header, rows),
        *named,
        "",
        f"{found.jobs:,} jobs with random actions: {actions}; {found.finished:.0f} ended by themselves. Between the second "
        f"and the last third of the time the median of the memory grew by {found.growth():.1f} MiB per 1,000 jobs.",
    ]


def _sample(title: str, sample: Sample) -> list[str]:
    counts = (sample.tasks, sample.threads, sample.sockets, sample.files, sample.series)
    return [title, str(sample.jobs), f"{sample.resident:.0f}", *(str(count) for count in counts)]


def _middle(values: Iterable[float]) -> float:
    return median(list(values))


def _latency(trials: Sequence[Trial]) -> str:
    return f"{1000 * _middle(trial.latency for trial in trials):.0f} ms"


def _seconds(trials: Sequence[Trial], index: int) -> str:
    return f"{_middle(trial.bursts[index].seconds for trial in trials):.1f} s"


def _rate(trials: Sequence[Trial], index: int) -> str:
    return f"{_middle(trial.bursts[index].rate for trial in trials):.1f}/s"


def _percentiles(trials: Sequence[Trial], index: int) -> str:
    p50, p99 = (
        _middle(trial.bursts[index].percentile(percent) for trial in trials) for percent in (50, 99)
    )
    return f"{p50:.1f} s, {p99:.1f} s"


def _created(trials: Sequence[Trial], index: int) -> str:
    return f"{_middle(trial.bursts[index].created_seconds for trial in trials):.1f} s"


def _cpu(trials: Sequence[Trial], size: int, *, own: bool) -> str:
    names = [name for name in trials[0].cpu[size] if (name not in COMPONENTS) == own]
    if not names:
        return "-"
    scale = 1000 / size
    found = [f"{_middle(trial.cpu[size][name] for trial in trials) * scale:.1f}" for name in names]
    if own:
        return " + ".join(found)
    return f"{sum(float(value) for value in found):.1f}"


def _resident(trials: Sequence[Trial]) -> str:
    names = list(trials[0].resident)
    found = [f"{_middle(trial.resident[name] for trial in trials):.0f}" for name in names]
    return " + ".join(found) or "-"
