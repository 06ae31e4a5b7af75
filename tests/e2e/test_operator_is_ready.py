"""The chart's own test, against the installed operator."""

import subprocess

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_helm_test_sees_the_operator_ready(installed):
    command = [*installed.demo.helm(), "test", "dpojob", "-n", installed.demo.SYSTEM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout
