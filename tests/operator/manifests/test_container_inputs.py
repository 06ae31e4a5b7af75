"""What users write reaches the containers byte for byte, and in no place where the kubelet expands it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.builders import job
from tests.kit.cluster import pod_container
from tests.kit.cluster.manifests import POOL, SETTINGS, plan
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.inspection.volume_fixture import write_rows

from dpojob_api.constants import INPUT_MANIFEST, INPUT_PLAN, INPUT_REPORT
from dpojob_api.job import Attempt, ChildJob
from dpojob_api.pool import PodSettings
from dpojob_api.report import InspectionReport
from dpojob_operator import manifests
from dpojob_operator.manifests import InputsTooLarge
from dpojob_operator.manifests.container_inputs import ANNOTATIONS_LIMIT_BYTES
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.experiment_trackers import adopt_secret_variables
from dpojob_trainer.training import TrainJob

TRAPS = ("$(HF_TOKEN)", "$$x$$", "$(DPOJOB_SECRET_KEY)", "$(", "$")
SECRETS = {"hub": {"token": "hf_secret"}, "trackers": {"KEY": "secret", "HOME": "/theirs"}}
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXT = st.lists(
    st.sampled_from(TRAPS) | st.text(CHARACTERS, min_size=1, max_size=10), min_size=1, max_size=6
).map("".join)


def inspection(spec: dict[str, Any]) -> dict[str, Any]:
    owner = job(**spec)
    return manifests.inspection_job(owner, owner.spec, "inspect-it", "key", SETTINGS)


def training(spec: dict[str, Any], report: InspectionReport) -> dict[str, Any]:
    owner = job(**spec)
    attempt = Attempt(number=1, job=ChildJob(name="train-it"))
    chosen = plan(nodes=2, gpus=8).model_copy(update={"reasons": [report.source]})
    return manifests.training_job(owner, owner.spec, attempt, chosen, report, POOL, SETTINGS)


def spec_with(prompt: str, column: str, free: str) -> dict[str, Any]:
    """A spec with text in every field that takes free text."""
    return {
        "model": {"volume": {"claimName": "data", "path": f"model/{free}"}},
        "dataset": {
            "volume": {"claimName": "data", "path": f"pairs/{free}"},
            "columnMapping": {"prompt": "p", "chosen": column, "rejected": "r"},
        },
        "training": {"arguments": {"run_name": free}},
        "samples": {"prompts": [prompt]},
        "output": {
            "volume": {"claimName": "models", "path": f"tuned/{free}"},
            "s3": {"bucket": "b", "prefix": free, "secret": {"name": "trackers"}},
        },
        "hubTokenSecret": {"name": "hub"},
        "environmentSecret": {"name": "trackers"},
    }


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


@settings(max_examples=60, deadline=None)
@given(prompt=TEXT, column=TEXT, free=TEXT)
def test_nothing_that_the_kubelet_expands_holds_users_text(
    prompt: str, column: str, free: str
) -> None:
    spec = spec_with(prompt, column, free)
    report = InspectionReport(valid=True, columns=[column, free], source=free)
    for made in (inspection(spec), training(spec, report)):
        template = made["spec"]["template"]
        expanded = [
            text
            for container in template["spec"]["containers"]
            for part in ("command", "args", "env", "volumeMounts", "envFrom")
            for text in strings(container.get(part))
        ]
        assert not [text for text in expanded if "$" in text]
        assert not [text for text in strings(template["metadata"]["labels"]) if "$" in text]
        assert "subPathExpr" not in json.dumps(template["spec"])
        given_ = pod_container.input_documents(template)
        assert given_[INPUT_MANIFEST]["spec"]["samples"]["prompts"] == [prompt]
        assert given_[INPUT_MANIFEST]["spec"]["dataset"]["columnMapping"]["chosen"] == column
        assert given_[INPUT_MANIFEST]["spec"]["training"]["arguments"]["run_name"] == free
    assert given_[INPUT_REPORT]["columns"] == [column, free]
    assert given_[INPUT_PLAN]["reasons"] == [free]


@pytest.mark.parametrize(
    ("reference", "value"), [("HF_TOKEN", "hf_secret"), ("DPOJOB_SECRET_KEY", "secret")]
)
def test_a_manifest_that_refers_to_a_secret_would_be_seen(reference: str, value: str) -> None:
    """What the fault harness looks at: the operator's manifests show no Secret, one with user text would."""
    trap = f"$({reference})"
    spec = spec_with(trap, trap, trap)
    del spec["output"]["s3"]
    pod = training(spec, InspectionReport(valid=True, columns=[trap], source=trap))["spec"][
        "template"
    ]
    assert pod_container.secret_names(pod) == {"hub", "trackers"}
    assert value not in pod_container.written_texts(pod, SECRETS)
    (container,) = pod["spec"]["containers"]
    for part, text in (("env", {"name": "PROMPT", "value": trap}), ("args", trap)):
        kept = container.get(part) or []
        container[part] = [*kept, text]
        assert value in pod_container.written_texts(pod, SECRETS)
        container[part] = kept


def test_columns_and_prompts_come_back_byte_for_byte(tmp_path: Path) -> None:
    """The inspection container as the kubelet starts it, then the training container's own reading."""
    prompt, chosen, rejected = "$(HOME)", "$(HF_TOKEN)", "$$x$$"
    spec = {
        "model": {"volume": {"claimName": "data", "path": "model"}},
        "dataset": {
            "volume": {"claimName": "data", "path": "pairs.jsonl"},
            "columnMapping": {"prompt": prompt, "chosen": chosen, "rejected": rejected},
        },
        "samples": {"prompts": ["$(DPOJOB_SECRET_KEY) $$x$$ $(HOME)"]},
        "output": {"volume": {"claimName": "models", "path": "tuned"}},
        "hubTokenSecret": {"name": "hub"},
        "environmentSecret": {"name": "trackers"},
    }
    claims = tmp_path / "volumes"
    make_model(claims / "data/model")
    write_rows(
        claims / "data/pairs.jsonl",
        ({prompt: f"Question {n}?", chosen: f"yes {n}", rejected: f"no {n}"} for n in range(9)),
    )
    pod = inspection(spec)["spec"]["template"]
    given_ = pod_container.mount(pod, tmp_path, SECRETS)
    given_["DPOJOB_TERMINATION_LOG"] = str(tmp_path / "termination-log")
    command = pod_container.command(pod, SECRETS)
    assert command[0] == "python"
    ended = subprocess.run(
        [sys.executable, *command[1:]],
        env={"PATH": os.environ["PATH"], **given_},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    written = (claims / "models/tuned/inspection.json").read_text(encoding="utf-8")
    report = InspectionReport.model_validate_json(written)
    assert report.columns == [prompt, chosen, rejected]
    assert (report.mapping.prompt, report.mapping.chosen) == (prompt, chosen)
    assert "hf_secret" not in written

    pod = training(spec, report)["spec"]["template"]
    variables = pod_container.mount(pod, tmp_path, SECRETS)
    read = TrainJob.from_environment(ContainerEnvironment(variables))
    assert read.spec.samples is not None
    assert read.spec.samples.prompts == ["$(DPOJOB_SECRET_KEY) $$x$$ $(HOME)"]
    assert read.report == report
    assert read.volumes["data"] == claims / "data"


def test_keys_of_a_users_secret_are_no_variables_but_those_of_trackers_and_storage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither Python nor the loader sees them under their names, and no limit of the installation is lifted."""
    hostile = {
        "DPOJOB_ALLOW_PROGRAMS": "true",
        "DPOJOB_ALLOW_PRIVATE_ENDPOINTS": "10.0.0.0/8",
        "HTTPS_PROXY": "http://10.0.0.1",
        "LD_PRELOAD": "/volumes/data/evil.so",
        "PYTHONPATH": "/volumes/data",
        "MLFLOW_TRACKING_URI": "http://10.0.0.1",
        "WANDB_API_KEY": "secret",
        "AWS_REGION": "eu",
    }
    spec = spec_with("p", "c", "f")
    spec["training"] = {"arguments": {"report_to": ["wandb", "unknown"]}}
    del spec["output"]["s3"]
    pod = training(spec, InspectionReport(valid=True))["spec"]["template"]
    variables = pod_container.variables(pod, {"hub": {"token": "t"}, "trackers": hostile})
    assert not hostile.keys() & variables.keys()
    environment = ContainerEnvironment(variables)
    adopt_secret_variables(job(**spec).spec, environment)
    assert variables.items() >= {("WANDB_API_KEY", "secret"), ("AWS_REGION", "eu")}
    assert not environment.allow_programs and not environment.private_endpoints
    for name, value in list(hostile.items())[:6]:
        assert name in caplog.text and value not in variables.values()


def annotations_size(made: dict[str, Any]) -> int:
    annotations = made["spec"]["template"]["metadata"]["annotations"]
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


def test_sixteen_long_chinese_prompts_fit() -> None:
    spec = {**spec_with("p", "c", "f"), "samples": {"prompts": ["长" * 4000] * 16}}
    for made in (inspection(spec), training(spec, InspectionReport(valid=True))):
        assert 128 * 1024 < annotations_size(made) < ANNOTATIONS_LIMIT_BYTES


@pytest.mark.parametrize(
    ("part", "value", "field"),
    [
        ("samples", {"prompts": ["🦩" * 4000] * 16}, "spec.samples.prompts takes 251 KiB"),
        ("training", {"arguments": {"run_name": "x" * 250_000}}, "spec.training.arguments takes"),
    ],
)
def test_a_spec_that_no_pod_can_hold_is_refused_with_its_largest_field(
    part: str, value: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputsTooLarge, match=field) as refused:
        inspection({**spec_with("p", "c", "f"), part: value})
    assert "at most 200 KiB fit" in str(refused.value)


def test_a_spec_that_passes_inspection_leaves_room_for_report_and_plan() -> None:
    """The largest spec that is inspected can be trained, with the largest report."""
    length = 195_000
    spec = {**spec_with("p", "c", "f"), "training": {"arguments": {"run_name": "x" * length}}}
    inspection(spec)
    report = InspectionReport(valid=True, columns=["c" * 60] * 60)
    assert annotations_size(training(spec, report)) < ANNOTATIONS_LIMIT_BYTES - 32 * 1024


def test_the_annotations_of_the_pool_count_and_do_not_replace_ours() -> None:
    annotations = {"dpojob.dev/plan.json": "theirs"} | {f"a{n}": "x" * 4000 for n in range(9)}
    settings_ = {"annotations": annotations}
    pool = POOL.model_copy(update={"pod": PodSettings.model_validate(settings_)})
    report = InspectionReport(valid=True)
    owner = job(**spec_with("p", "c", "f"))
    attempt = Attempt(number=1, job=ChildJob(name="train-it"))
    made = manifests.training_job(owner, owner.spec, attempt, plan(), report, pool, SETTINGS)
    assert pod_container.input_documents(made["spec"]["template"])[INPUT_PLAN]["pool"] == "h100"
    assert made["spec"]["template"]["metadata"]["annotations"]["a0"] == "x" * 4000
    large = job(**{**spec_with("p", "c", "f"), "training": {"arguments": {"a": "x" * 200_000}}})
    with pytest.raises(InputsTooLarge, match=r"spec\.training\.arguments"):
        manifests.training_job(large, large.spec, attempt, plan(), report, pool, SETTINGS)
