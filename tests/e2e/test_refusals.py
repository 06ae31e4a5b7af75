"""What cannot work ends Failed with the remedy in its message, and never requests a GPU. Real pods, real files."""

import copy
import json

import pytest
from tests.kit.e2e.dpojobs import condition
from tests.kit.repository import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def without_mapping(spec):
    del spec["dataset"]["columnMapping"]


def unknown_pool(spec):
    spec["hardware"] = {"pool": "h100-huge"}


def missing_model(spec):
    spec["model"]["volume"]["path"] = "no-such-model"


def unreadable_file(spec):
    spec["dataset"]["volume"]["path"] = "data/broken.parquet"


def missing_claim(spec):
    spec["dataset"]["volume"]["claimName"] = "no-such-claim"


def column_with_dollars(spec):
    """The kubelet would replace this in a container's env, args and command."""
    spec["dataset"]["columnMapping"]["chosen"] = "$(HOME) $$x$$"


CASES = {
    "columns-do-not-fit": (without_mapping, "DatasetValid", "DatasetInvalid", ["question", "good_response", "bad_response", "columnMapping"]),
    "column-with-dollars": (column_with_dollars, "DatasetValid", "DatasetInvalid", ["$(HOME) $$x$$"]),
    "unknown-pool": (unknown_pool, "Planned", "PoolNotFound", ["h100-huge", "t4-small"]),
    "model-not-there": (missing_model, "DatasetValid", "ModelNotFound", ["no-such-model"]),
    "unreadable-file": (unreadable_file, "DatasetValid", "DatasetUnreadable", ["broken.parquet"]),
    "claim-not-there": (missing_claim, "DatasetValid", "ClaimNotFound", ["no-such-claim"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def ended(installed, inputs):
    """All applied at once; each by its name, ended."""
    import yaml

    namespace, claim = inputs
    (claim / "data/broken.parquet").write_bytes(b"PAR1 and then nothing")
    base = yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())
    for name, (vary, *_) in CASES.items():
        job = copy.deepcopy(base)
        job["metadata"] = {"name": name}
        vary(job["spec"])
        installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(job))
    return {name: installed.finish(namespace, name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_it_ends_failed_with_the_remedy(name, ended):
    _, type_, reason, expected = CASES[name]
    job = ended[name]
    assert condition(job, "Failed")["status"] == "True"
    assert condition(job, "Stalled")["status"] == "True"
    found = condition(job, type_)
    assert (found["status"], found["reason"]) == ("False", reason)
    for text in expected:
        assert text in found["message"]


@pytest.mark.parametrize("name", CASES)
def test_no_training_job_was_ever_made(name, ended, installed, inputs):
    uid = ended[name]["metadata"]["uid"]
    assert not [
        job for job in installed.training_jobs(inputs[0])
        if job["metadata"]["labels"]["dpojob.dev/uid"] == uid
    ]  # fmt: skip
    assert not ended[name]["status"].get("attempts")
