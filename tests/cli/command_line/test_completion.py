"""Completion of names in real shells: `dpojob --install-completion`, then the TAB key at a prompt."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.kit.cli.command_runner import COMMAND, run
from tests.kit.cli.tenant_job import TenantJob
from tests.kit.waiting import LIMIT, wait_until

from dpojob.command_line.completion import SECONDS

pytestmark = pytest.mark.cluster

PROMPT = "ready> "
SHELLS = {
    "bash": (("bash", "-i"), ".bashrc", f"PS1='{PROMPT}'\n"),
    "zsh": (("zsh", "-i"), ".zshrc", f"PROMPT='{PROMPT}'\n"),
    "fish": (
        ("fish", "-i"),
        ".config/fish/config.fish",
        f"function fish_prompt; echo -n '{PROMPT}'; end\nset fish_greeting\n",
    ),
}
"""Each shell with its command line, the file that it reads when it starts, and a prompt for that file."""


class Keyboard:
    """A terminal on which a shell runs."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._shown = ""

    def type(self, keys: str) -> None:
        """Presses keys."""
        self._shown = ""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, again: str = "") -> None:
        """Reads what the shell shows since the last keys, until the text is there.

        Args:
            text: What is to be shown.
            again: Keys that are pressed once more each time that nothing was shown for a while, as a user does whose
                API server did not answer within the time of a completion.
        """
        deadline = time.monotonic() + LIMIT
        while text not in self._shown:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self._shown!r}"
            ready, _, _ = select.select([self._master], [], [], 5 * SECONDS)
            if ready:
                self._shown += os.read(self._master, 4096).decode(errors="replace")
            else:
                os.write(self._master, again.encode())


@contextmanager
def interactive(command: Sequence[str], environment: dict[str, str]) -> Iterator[Keyboard]:
    master, slave = os.openpty()
    shell = subprocess.Popen(
        ["setsid", "--ctty", *command],
        env=environment, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Keyboard(master)
    finally:
        shell.kill()
        shell.wait()
        os.close(master)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_the_name_of_a_job(
    cluster_job: TenantJob, tmp_path: Path, shell: str
) -> None:
    command, file, prompt = SHELLS[shell]
    environment = {
        **os.environ, **cluster_job.env, "HOME": str(tmp_path), "TERM": "xterm",
        "PATH": f"{COMMAND.parent}:{cluster_job.env['PATH']}",
    }  # fmt: skip
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(prompt)
    # `true`, since a shell becomes its last command, and the installation looks for the shell that started it.
    install = [command[0], "-c", "dpojob --install-completion; true"]
    done = subprocess.run(install, env=environment, capture_output=True, text=True, check=True)
    assert f"{shell} completion installed" in done.stdout, done.stderr
    with interactive(command, environment) as keyboard:
        keyboard.wait_for(PROMPT)
        keyboard.type("dpojob status he\t")
        keyboard.wait_for("lpful", again="\t")


def test_kubectl_completes_the_name_of_a_job(cluster_job: TenantJob) -> None:
    def answer() -> list[str]:
        plugin = subprocess.run(
            [COMMAND.with_name("kubectl_complete-dpo"), "status", "he"],
            env={**os.environ, **cluster_job.env}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert plugin.stdout.split()[-1] == ":4"
        return plugin.stdout.split()[:-1]

    # Without a name when the API server takes longer than a completion waits.
    assert wait_until(answer, "a name") == ["helpful"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dpojob status he", ["helpful"]),
        ("dpojob run --from-job he", ["helpful"]),
        ("dpojob list --phase T", ["Training"]),
        ("dpojob suspend helpful -o j", ["json"]),
    ],
)
def test_each_kind_of_name_is_completed(
    cluster_job: TenantJob, words: str, expected: list[str]
) -> None:
    variables = {"_DPOJOB_COMPLETE": "complete_bash", "COMP_WORDS": words}
    count = {"COMP_CWORD": str(words.count(" "))}
    environment = {**cluster_job.env, **variables, **count}
    # Without a name when the API server takes longer than a completion waits.
    assert wait_until(lambda: run(env=environment).out.split(), "a name") == expected
