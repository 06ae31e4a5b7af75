"""The CRDs on a real API server: what `kubectl apply` accepts, and what it says of the rest."""

import json
from typing import Any

import pytest
import yaml
from tests.kit.crds import apply_crds
from tests.kit.repository import ROOT

from devcluster.control_plane import Api, ApiError
from dpojob_api.arguments import ALLOWED, argument_problem, arguments_schema, field_table
from dpojob_api.manifest import ManifestError, load

pytestmark = pytest.mark.cluster

HERE = ROOT / "tests/api"


@pytest.fixture(scope="module")
def server(control_plane):
    apply_crds(control_plane, ROOT / "crds")
    return control_plane


@pytest.mark.parametrize(
    "path", sorted((HERE / "manifests/accepted").iterdir()), ids=lambda p: p.stem
)
def test_accepted(server, path):
    done = server.kubectl("create", "--dry-run=server", "-f", str(path), check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", sorted((HERE / "manifests/rejected").iterdir()), ids=lambda p: p.stem
)
def test_rejected_with_a_message_that_names_the_field(server, path):
    expected = path.read_text().splitlines()[0].removeprefix("# message: ")
    done = server.kubectl("create", "--dry-run=server", "-f", str(path), check=False)
    assert done.returncode != 0
    assert expected in done.stderr


def test_the_schemas_are_structural(server):
    for plural in ("dpojobs", "gpupools", "costquotas"):
        done = server.kubectl(
            "get", "crd", f"{plural}.dpojob.dev",
            "-o", 'jsonpath={.status.conditions[?(@.type=="NonStructuralSchema")].message}',
        )  # fmt: skip
        assert done.stdout == ""


def test_defaults_are_filled_in_by_the_server(server):
    path = HERE / "manifests/accepted/shortest.yaml"
    template = "{.spec.training.learningRate} {.spec.training.batchSize} {.spec.dataset.eval.fraction} {.spec.hardware.nodes}"
    done = server.kubectl(
        "create", "--dry-run=server", "-f", str(path), "-o", f"jsonpath={template}"
    )
    assert done.stdout == "5e-06 8 0.02 1"


def test_explain_gives_description_unit_and_default(server):
    done = server.kubectl("explain", "dpojob.spec.training.maxLength")
    assert "in tokens" in done.stdout
    assert "Default: 1024" in done.stdout


def test_explain_lists_the_arguments(server):
    done = server.kubectl("explain", "dpojob.spec.training.arguments")
    for line in (
        "loss_type",
        'Loss, or several that are added up. Default: ["sigmoid"].',
        "warmup_steps",
    ):
        assert line in done.stdout
    assert "Refused: write training.learningRate." in done.stdout


def refusal(api: Api, manifest: dict[str, Any]) -> str | None:
    """What the API server says against creating a DPOJob, as a dry run that refuses unknown fields."""
    path = "/apis/dpojob.dev/v1alpha1/namespaces/default/dpojobs"
    try:
        api.call("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)
    except ApiError as refused:
        assert refused.status in (400, 422), refused
        return str(refused).replace('\\"', '"')  # it is JSON
    return None


def test_no_depth_of_arguments_is_stored(server):
    """Also where a field takes values of several types, and so has no type in the schema."""
    manifest = yaml.safe_load((HERE / "manifests/accepted/shortest.yaml").read_text())
    fields, api = arguments_schema()["properties"], Api.from_kubeconfig(server.kubeconfig)
    for name in (name for name in ALLOWED if not is_of_one_scalar_type(fields[name])):
        for deep in (nested_lists(64), nested_objects(64)):
            manifest["spec"]["training"] = {"arguments": {name: deep}}
            assert refusal(api, manifest), name


def is_of_one_scalar_type(schema: dict[str, Any]) -> bool:
    return isinstance(schema["type"], str) and schema["type"] not in ("array", "object")


WORDS = {
    "text": '"a text"',
    "list of text": '"a list of texts"',
    "true or false": '"true or false"',
}
"""The types of the table, as a refusal names them."""


def test_an_argument_of_several_types_takes_values_of_these_and_names_them_to_refuse_others(server):
    api = Api.from_kubeconfig(server.kubeconfig)
    manifest = yaml.safe_load((HERE / "manifests/accepted/shortest.yaml").read_text())
    fields, schemas = field_table()["fields"], arguments_schema()["properties"]
    several = [name for name in ALLOWED if isinstance(schemas[name]["type"], list)]
    assert "report_to" in several
    for name in several:
        text = fields[name].get("choices", ["text"])[0]
        for value in (1, 1.5, True, False, text, [text], [], [1], {}):
            manifest["spec"]["training"] = {"arguments": {name: value}}
            message = refusal(api, manifest)
            assert (message is None) is (argument_problem(name, value) is None), (name, value)
            if message is not None and value != [1]:
                types = {*fields[name]["types"]} - {"null"}
                words = (
                    ["integer,string"]
                    if "whole number" in types
                    else [WORDS[type_] for type_ in types]
                )
                assert all(word in message for word in words), message
                assert f"arguments.{name}" in message


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"report_to": 5}, '"a text", "a list of texts"'),
        (
            {"accelerator_config": {"even_batches": [1]}},
            '"a text", "a number", "true or false", "a mapping"',
        ),
        (
            {"gradient_checkpointing_kwargs": {"a": {"b": {}}}},
            '"a text", "a number", "true or false"',
        ),
        ({"lr_scheduler_kwargs": {"num_cycles": []}}, '"a text", "a number", "true or false"'),
    ],
    ids=json.dumps,
)
def test_a_refusal_lists_the_types_that_the_field_takes(server, arguments, names):
    manifest = yaml.safe_load((HERE / "manifests/accepted/shortest.yaml").read_text())
    manifest["spec"]["training"] = {"arguments": arguments}
    message = refusal(Api.from_kubeconfig(server.kubeconfig), manifest)
    assert message is not None
    assert f"supported values: {names}" in message
    assert "should" not in message


@pytest.mark.parametrize(
    "column_mapping",
    [
        *({"prompt": value} for value in ("a", ["a", "b"], 5, 1.5, True, {}, {"a": "b"}, [], [5])),
        *(
            {
                "chosen": "a",
                "rejected": "b",
                "verdict": {"column": "v", "first": value, "second": 0},
            }
            for value in ("a", 1, 0.5, True, ["a", 1, True], {}, [], [[]], [{}], "")
        ),
    ],
    ids=json.dumps,
)
def test_columns_of_several_types_take_what_the_operator_reads(server, column_mapping):
    manifest = yaml.safe_load((HERE / "manifests/accepted/shortest.yaml").read_text())
    manifest["spec"]["dataset"]["columnMapping"] = column_mapping
    try:
        load([manifest])
        is_read = True
    except ManifestError:
        is_read = False
    message = refusal(Api.from_kubeconfig(server.kubeconfig), manifest)
    assert (message is None) is is_read
    assert "should be less than" not in (message or "")


def nested_lists(depth):
    return [nested_lists(depth - 1)] if depth else []


def nested_objects(depth):
    return {"a": nested_objects(depth - 1)} if depth else {}


PLAN = (
    '{"phase":"Queued","plan":{"pool":"t4-small","method":"full","precision":"fp16",'
    '"perDeviceBatchSize":1,"gradientAccumulation":8}}'
)


def _with_status(server, namespace, name, status):
    manifest = (
        (HERE / "manifests/accepted/shortest.yaml").read_text().replace("name: t", f"name: {name}")
    )
    server.kubectl("-n", namespace, "create", "-f", "-", input=manifest)
    patch = ("patch", "dpo", name, "--subresource=status", "--type=merge")
    done = server.kubectl("-n", namespace, *patch, "-p", f'{{"status":{status}}}')
    assert done.returncode == 0, done.stderr


def _edit(server, namespace, name, spec):
    patch = ("patch", "dpo", name, "--type=merge", "-p", f'{{"spec":{spec}}}')
    return server.kubectl("-n", namespace, *patch, check=False)


@pytest.mark.parametrize(
    ("part", "patch"),
    [
        ("spec.model", '{"model":{"repo":"other/model"}}'),
        ("spec.dataset", '{"dataset":{"split":"test"}}'),
        ("spec.training", '{"training":{"beta":0.3}}'),
        ("spec.training", '{"training":{"arguments":{"max_steps":5}}}'),
        ("spec.training", '{"training":{"arguments":{"report_to":["mlflow"]}}}'),
        ("spec.samples", '{"samples":{"everySteps":5}}'),
        ("spec.hardware", '{"hardware":{"gpus":2}}'),
        ("spec.output", '{"output":{"push":"a/b"}}'),
        ("spec.hubTokenSecret", '{"hubTokenSecret":{"name":"x"}}'),
        ("spec.validateOnly", '{"validateOnly":true}'),
    ],
)
def test_a_planned_job_refuses_an_edit_and_says_what_to_do(server, namespace, part, patch):
    _with_status(server, namespace, "planned", PLAN)
    done = _edit(server, namespace, "planned", patch)
    assert done.returncode != 0
    assert f"{part} cannot change after inspection began or the job ended" in done.stderr
    assert "Create a DPOJob under a new name" in done.stderr


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("inspecting", '{"phase":"Inspecting","inspection":{"name":"x-inspect"}}'),
        ("inspected", '{"phase":"Planning","dataset":{"valid":true}}'),
        (
            "took-its-model",
            '{"phase":"Inspecting","dependency":{"kind":"Job","name":"sft","uid":"u"}}',
        ),
        ("failed", '{"phase":"Failed","completionTime":"2026-11-23T12:00:00Z"}'),
    ],
)
def test_what_was_made_of_a_spec_keeps_it_from_changing(server, namespace, name, status):
    """Else what is trained would not be what was inspected, or an edit would be taken for nothing."""
    _with_status(server, namespace, name, status)
    done = _edit(server, namespace, name, '{"dataset":{"columnMapping":{"prompt":"q"}}}')
    assert "spec.dataset cannot change" in done.stderr
    done = _edit(server, namespace, name, '{"suspend":true}')
    assert done.returncode == 0, done.stderr


def test_the_parts_of_a_status_have_one_owner_each(server, namespace):
    """The owners of single values would be a third of a planned job."""
    _with_status(server, namespace, "planned", PLAN)
    shown = ("get", "dpo", "planned", "-o", "json", "--show-managed-fields")
    entries = json.loads(server.kubectl("-n", namespace, *shown).stdout)["metadata"]
    owned = [entry for entry in entries["managedFields"] if entry.get("subresource") == "status"]
    assert owned[0]["fieldsV1"] == {"f:status": {"f:phase": {}, "f:plan": {}}}


@pytest.mark.parametrize(
    "patch",
    ['{"suspend":true}', '{"budget":{"maxCost":"3.00"}}', '{"ttlSecondsAfterFinished":60}'],
)
def test_a_planned_job_takes_an_edit_of_what_may_change(server, namespace, patch):
    _with_status(server, namespace, "planned", PLAN)
    done = _edit(server, namespace, "planned", patch)
    assert done.returncode == 0, done.stderr


def test_who_manages_a_job_never_changes(server, namespace):
    manifest = (HERE / "manifests/accepted/managed-by-multikueue.yaml").read_text()
    server.kubectl("-n", namespace, "create", "-f", "-", input=manifest)
    for value in ('"dpojob.dev/operator"', "null"):
        done = _edit(server, namespace, "t", f'{{"managedBy":{value}}}')
        assert "spec.managedBy cannot change" in done.stderr
    done = _edit(server, namespace, "t", '{"training":{"beta":0.3}}')
    assert done.returncode == 0, done.stderr


def test_a_job_that_nothing_was_made_of_may_still_be_edited(server, namespace):
    manifest = (HERE / "manifests/accepted/shortest.yaml").read_text()
    server.kubectl("-n", namespace, "create", "-f", "-", input=manifest)
    waiting = '{"status":{"phase":"Waiting","observedGeneration":1}}'
    server.kubectl(
        "-n", namespace, "patch", "dpo", "t", "--subresource=status", "--type=merge", "-p", waiting
    )
    done = _edit(server, namespace, "t", '{"training":{"beta":0.3}}')
    assert done.returncode == 0, done.stderr
