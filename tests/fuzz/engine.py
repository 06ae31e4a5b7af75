"""Runs libFuzzer on one target in a fork of this process, and reads what it reports."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import signal
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import atheris

from .target import Target

CPU_SECONDS_PER_INPUT = 30
"""An input that takes more of a processor's time is a finding; almost all take a few milliseconds."""
SECONDS_PER_INPUT = 1200
"""An input that ends not even then, as in a library that no signal interrupts, is a finding too; a busy
machine gives a process a small part of the time."""
MAX_MEMORY_MIB = 2048
"""An input with which the process takes more memory is a finding. Libraries take 400 MiB of it."""
FINDINGS = ("crash-", "oom-", "timeout-")
"""How libFuzzer's names of the files of findings begin."""


class TookTooLong(BaseException):
    """An input took more than `CPU_SECONDS_PER_INPUT`; no `Exception`, which readers may catch."""


@dataclass(frozen=True)
class Limits:
    """How long one target is fuzzed: either limit may be None, not both."""

    seed: int
    """0 for a random one."""
    runs: int | None
    seconds: int | None


@dataclass(frozen=True)
class Result:
    """The outcome for one target."""

    target: str
    inputs: int
    status: int
    """The exit status of the process; 0 when nothing was found."""
    findings: list[Path]
    output: str

    @property
    def failed(self) -> bool:
        """Whether there was a finding, or the fuzzer itself failed."""
        return self.status != 0

    def __str__(self) -> str:
        head = f"{self.target}: {self.inputs} inputs, {len(self.findings)} findings"
        if not self.failed:
            return head
        return "\n".join([f"{head}, status {self.status}", *map(str, self.findings), self.output[-4000:]])  # fmt: skip


def fuzz(target: Target, limits: Limits, corpus: Path, findings: Path, temporary: Path) -> Result:
    """Fuzzes one target until its limit or the first finding.

    `corpus`: folder of inputs that reached new code, read and added to. `findings`: folder for inputs
    that break a rule. `temporary`: an empty folder.
    """
    seeds, dictionary, log = temporary / "seeds", temporary / "dictionary", temporary / "log"
    for folder in (corpus, findings, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    known = set(findings.iterdir())
    for data in (*target.seeds, *(path.read_bytes() for path in target.regressions())):
        (seeds / hashlib.sha256(data).hexdigest()).write_bytes(data)
    dictionary.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens))
    options = [
        str(corpus),
        str(seeds),
        f"-artifact_prefix={findings}/",
        f"-max_len={target.max_bytes}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-rss_limit_mb={MAX_MEMORY_MIB}",
        f"-seed={limits.seed}",
        "-print_final_stats=1",
    ]
    options += [f"-dict={dictionary}"] if target.tokens else []
    options += [f"-runs={limits.runs}"] if limits.runs is not None else []
    options += [f"-max_total_time={limits.seconds}"] if limits.seconds is not None else []
    status = _in_fork(target, options, log)
    output = log.read_text(errors="replace")
    counted = re.findall(r"^#(\d+)\s", output, re.MULTILINE)
    counted += re.findall(r"stat::number_of_executed_units:\s*(\d+)", output)
    found = [
        path for path in sorted(set(findings.iterdir()) - known) if path.name.startswith(FINDINGS)
    ]
    return Result(target.name, int(counted[-1]) if counted else 0, status, found, output)


def _in_fork(target: Target, options: list[str], log: Path) -> int:
    """The exit status of a fork that fuzzes; libFuzzer ends the process that it runs in.

    A fork, because instrumenting all imports takes longer than a short run of a target.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _become_fuzzer(target, options, log)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _become_fuzzer(target: Target, options: list[str], log: Path) -> NoReturn:
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, sys.stdout.fileno())
        os.dup2(file, sys.stderr.fileno())
        signal.signal(signal.SIGPROF, _take_too_long)
        _end_without_waiting_for_threads()
        atheris.Setup([target.name, *options], partial(_check_in_time, target))
        atheris.Fuzz()
    except SystemExit:
        # At the exit of the C library, libFuzzer writes the input that was found.
        ctypes.CDLL(None).exit(1)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _end_without_waiting_for_threads() -> None:
    """Leave out what libraries do at the exit of the process, after libFuzzer's own exit handler.

    libFuzzer exits with Python's lock held, and pyarrow then waits for its threads, one of which may wait for that
    lock to read a file. Handlers run in the reverse order of their registration, and libFuzzer registers its
    own later.
    """
    library = ctypes.CDLL(None)
    library.on_exit(library._exit, None)


def _check_in_time(target: Target, data: bytes) -> None:
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_PER_INPUT)
    try:
        target.check(data)
    except TookTooLong as stopped:
        # atheris takes only an Exception for a finding.
        raise TimeoutError(
            f"more than {CPU_SECONDS_PER_INPUT} s of a processor's time"
        ) from stopped
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _take_too_long(*_: object) -> NoReturn:
    raise TookTooLong


def _escaped(token: str) -> str:
    """A token as a dictionary of libFuzzer writes it."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in token.encode()
    )
