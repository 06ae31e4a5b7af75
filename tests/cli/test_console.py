"""What is printed is what was given: text of users has no codes."""

from __future__ import annotations

import pytest

from dpojob.console import print_result, print_warning


def test_text_of_users_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "the column :smile: holds [bold]text[/bold]"
    print_result(text)
    print_warning(text)
    printed = capsys.readouterr()
    assert printed.out == f"{text}\n"
    assert printed.err == f"warning: {text}\n"
