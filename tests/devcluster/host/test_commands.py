"""A program's output, or an error that names the program and ends with what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from devcluster.host.commands import run
from devcluster.host.errors import DevclusterError


def test_the_output_of_a_program_with_its_input_environment_and_directory(tmp_path: Path) -> None:
    script = 'read line; echo "$line $GREETED $PWD"'
    output = run("/bin/sh", "-c", script, text="hello\n", env={"GREETED": "world"}, cwd=tmp_path)
    assert output == f"hello world {tmp_path}\n"


@pytest.mark.parametrize(
    ("what", "named"), [(None, "sh -c echo no room >&2; exit 3"), ("packing", "packing")]
)
def test_a_failure_names_the_program_and_shows_what_it_wrote(what: str | None, named: str) -> None:
    with pytest.raises(DevclusterError) as caught:
        run("sh", "-c", "echo no room >&2; exit 3", what=what)
    assert str(caught.value) == f"{named} failed (exit status 3):\nno room"
