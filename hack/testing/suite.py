"""The whole test suite, in two lanes side by side: `python -m hack.testing.suite`, behind `make test`.

One lane computes, the other one mostly waits for clusters; each is in the order of how soon its parts end.
Every test that looks at the machine's clusters, mounts or kernel settings is in the second lane.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .lanes import Part, run_lanes

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "helm")  # fmt: skip

SHARING = (
    "tests/trainer/training/loop/test_best_checkpoint.py",
    "tests/trainer/training/loop/test_interruption_and_resume.py",
    "tests/trainer/training/setup/test_training_methods.py",
)
"""Tests that are run a second time with shared prefixes: resume, checkpoints and methods. `tests/README.md` has the
command for all."""


def tests(
    name: str, markers: str, cluster: str = "pytest", *, paths: Sequence[str] = (), **variables: str
) -> Part:
    """The tests that a marker expression selects; `cluster` is the control plane that KEEP=1 leaves."""
    command = (PYTHON, "-m", "pytest", "-q", "--durations=15", "-m", markers, *paths)
    environment = {"DPOJOB_KEPT_CLUSTER": cluster, **variables}
    return Part(name, ("env", *(f"{key}={value}" for key, value in environment.items()), *command))


COMPUTING = (
    Part("check", ("hack/check",)),
    tests("unit tests", "not cluster and not e2e and not train and not faults and not fuzz"),
    tests("training tests (real TRL, tiny models)", "train and not cluster and not e2e and not faults"),
    tests("training tests with shared prefixes, a part", "train", paths=SHARING, DPOJOB_TEST_PREFIX_SHARING="1"),
    tests("fuzzers, short run", "fuzz"),
    tests("fault sweep, fast cut", "faults", "pytest-faults"),
)  # fmt: skip
CLUSTERS = (
    Part(
        "binaries of the control plane (compiled the first time)",
        (PYTHON, "-m", "devcluster", "bin", *BINARIES),
    ),
    tests("control-plane tests (real API server)", "cluster and not e2e and not faults"),
    tests("end-to-end tests (real node, images, TRL)", "e2e and not faults and not chaos"),
)

if __name__ == "__main__":
    os.chdir(ROOT)
    # Lanes share the cores: libraries that start a thread for each core would only take them from each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(run_lanes((COMPUTING, CLUSTERS), ROOT / ".test-logs"))
