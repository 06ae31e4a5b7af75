"""The parts of `make test`: each one's outcome counts, and its output is kept and shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hack.testing.lanes import Part, run_lanes
from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT, wait_until


def shell(name: str, command: str) -> Part:
    return Part(name, ("sh", "-c", command))


def table(printed: str) -> dict[str, str]:
    """The result of each part by its name, from the table at the end."""
    lines = printed.rpartition("\npart ")[2].splitlines()[1:-1]
    found = {}
    for line in lines:
        name, _, result = re.split(r" {2,}(\d.* \d+m\d\ds)? +", line, maxsplit=1)
        found[name] = result
    return found


def test_every_part_runs_and_a_failed_one_decides_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = (
        (shell("one", "echo '2 passed, 3 deselected in 0.10s'"), shell("two (x)", "echo seen; exit 3")),
        (shell("three", "kill -9 $$"), shell("four", "true")),
    )  # fmt: skip
    assert run_lanes(lanes, tmp_path / "logs") == 1
    printed = capsys.readouterr().out
    assert table(printed) == {
        "one": "passed (2 passed, 3 deselected)",
        "two (x)": "FAILED with exit status 3",
        "three": "FAILED with exit status -9",
        "four": "passed",
    }
    assert re.search(r"^FAILED after \d+m\d\ds: two \(x\), three ", printed, re.MULTILINE)
    # Only what failed is printed; the rest is in the logs.
    assert "its output:\nseen\n== end of" in printed
    assert (tmp_path / "logs/two-x.log").read_text() == "seen\n"
    assert (tmp_path / "logs/one.log").read_text() == "2 passed, 3 deselected in 0.10s\n"


def test_lanes_run_at_the_same_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each waits for the other one at a named pipe."""
    os.mkfifo(tmp_path / "pipe")
    lanes = (
        (shell("reads", f"cat {tmp_path}/pipe"),),
        (shell("writes", f"echo met > {tmp_path}/pipe"), shell("nothing", "true")),
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/old.log").touch()
    assert run_lanes(lanes, tmp_path / "logs") == 0
    assert (tmp_path / "logs/reads.log").read_text() == "met\n"
    assert not (tmp_path / "logs/old.log").exists()
    assert re.search(r"^all tests passed in \d+m\d\ds", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs_and_starts_nothing_more(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = f"""
import sys
from pathlib import Path
from hack.testing.lanes import Part, run_lanes
catch = ("import signal; from pathlib import Path\\n"
  "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\\n"
  "Path({str(tmp_path / "ready")!r}).touch()\\n"
  "signal.sigwait([signal.SIGINT]); print('tidied up'); raise SystemExit(2)")
first = Part("waits", (sys.executable, "-c", catch))
sys.exit(run_lanes([[first, Part("next", ("touch", {str(tmp_path / "next")!r}))]], Path({str(tmp_path / "logs")!r})))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    wait_until((tmp_path / "ready").exists, "the first part runs")
    process.send_signal(number)
    printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert table(printed) == {"waits": "FAILED with exit status 2", "next": "not run"}
    assert "tidied up" in printed
    assert not (tmp_path / "next").exists()
