"""The main job on a real node: from `kubectl apply` to a trained model, watched by Prometheus."""

import json
import os
import re
from datetime import datetime

import pytest
from playwright.sync_api import expect
from tests.kit.cluster.tenant import (
    delete_pool_rights,
    tenant_variables,
    write_tenant_kubeconfig,
)
from tests.kit.documentation.command_blocks import CLI_PAGE, ON_NODE, blocks, run_block, shapes
from tests.kit.e2e import followed_run
from tests.kit.e2e.dpojobs import condition
from tests.kit.e2e.judged_quickstart import judged_quickstart
from tests.kit.e2e.scraping_prometheus import query, scraping_prometheus
from tests.kit.e2e.training_pod import run_in_training_pod
from tests.kit.e2e.watched_page import states_until_finished
from tests.kit.repository import ROOT
from tests.kit.ui import chromium, new_context, page_server
from tests.kit.waiting import LIMIT, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

TENANT_KUBECONFIG = "tenant.kubeconfig"
"""The kubeconfig of the tenant that has the page open."""


@pytest.fixture(scope="module")
def prometheus(installed, scratch):
    """The address of a Prometheus that scrapes the operator."""
    with scraping_prometheus(installed, scratch) as address:
        yield address


@pytest.fixture(scope="module")
def job_page(installed, inputs, scratch):
    """The page of a tenant of the namespace, in headless Chromium."""
    namespaces = [inputs[0]]
    kubeconfig = scratch / TENANT_KUBECONFIG
    write_tenant_kubeconfig(installed.cluster, namespaces, kubeconfig)
    environment = {**os.environ, **tenant_variables(installed.cluster, kubeconfig)}
    with page_server(environment) as address, chromium() as browser:
        page = new_context(browser).new_page()
        page.goto(address)
        page.evaluate("path => { location.hash = path }", f"#/job/{namespaces[0]}/quickstart")
        yield page
    delete_pool_rights(installed.cluster, namespaces)


@pytest.fixture(scope="module")
def manifest(inputs):
    """examples/quickstart.yaml with a judge."""
    return json.dumps(judged_quickstart(inputs[1]))


@pytest.fixture(scope="module")
def seen_on_the_page(installed, inputs, manifest, prometheus, job_page):
    """The job, applied: its phases and points on the page until it has finished."""
    installed.kubectl("apply", "-n", inputs[0], "-f", "-", input=manifest)
    return states_until_finished(job_page, installed.kubectl, inputs[0], "quickstart")


@pytest.fixture(scope="module")
def trained(installed, inputs, seen_on_the_page):
    """The same job at its end."""
    return installed.finish(inputs[0])


def test_it_ends_complete(trained):
    assert condition(trained, "Complete")["status"] == "True", trained["status"]
    assert trained["status"]["phase"] == "Complete"
    for type_ in ("DatasetValid", "Planned", "Finished", "Ready"):
        assert condition(trained, type_)["status"] == "True", type_
    assert condition(trained, "Stalled")["status"] == "False"
    assert condition(trained, "Training")["status"] == "False"


def test_the_page_showed_curves_that_grew_while_it_trained(seen_on_the_page, job_page, trained):
    growing = [points for phase, points in seen_on_the_page if phase not in ("Complete", "Failed")]
    assert len([points for points in growing if points > 0]) >= 2, seen_on_the_page
    assert growing == sorted(growing)
    page = job_page
    page.wait_for_selector("h1 [data-phase=Complete]", timeout=1000 * LIMIT)
    assert "From the log of the training pod" in page.locator("[data-key=curves]").inner_text()
    last = f"at step {trained['status']['progress']['maxSteps']}"
    assert last in page.locator("[data-chart=margin]").get_attribute("aria-label")
    assert "valid" in page.locator("[data-key=dataset]").inner_text()
    assert page.locator("[data-key=samples] article").count() == 2
    assert page.locator("[data-key=events] li").count() > 2


def test_held_out_reward_accuracy_rises_well_above_chance(trained):
    assert trained["status"]["progress"]["evalAccuracy"] > 0.7


def test_the_whole_dataset_was_inspected_with_its_mapping(trained):
    dataset = trained["status"]["dataset"]
    assert dataset["rows"] == 3000
    assert dataset["mapping"]["prompt"] == "question"
    assert dataset["mapping"]["chosen"] == "good_response"
    assert dataset["mapping"]["rejected"] == "bad_response"


def test_the_plan_stands_on_the_resource_with_reasons_and_price(trained, installed):
    plan = trained["status"]["plan"]
    assert plan["pool"] == installed.demo.POOL
    assert plan["reasons"]
    assert float(trained["status"]["cost"]["soFar"]) >= 0


def test_the_output_directory_holds_a_model_that_loads_and_nothing_half_done(trained, installed):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory = installed.output(trained)
    names = {path.name for path in directory.iterdir()}
    assert {"README.md", "report.html", "metrics.jsonl", "inspection.json", "config.json"} <= names
    assert not {".checkpoints", ".staging"} & names
    model = AutoModelForCausalLM.from_pretrained(directory)
    assert model.num_parameters() == trained["status"]["model"]["parameters"]
    assert AutoTokenizer.from_pretrained(directory).chat_template


def test_samples_before_and_after_differ(trained):
    samples = trained["status"]["samples"]
    assert samples
    assert any(sample["before"] != sample["after"] for sample in samples)


def test_the_evaluation_ran_in_the_cluster_and_the_report_shows_its_verdict(
    trained, installed, inputs, job_page
):
    found, improved = trained["status"]["evaluation"], condition(trained, "Improved")
    assert found["prompts"] == 40 and found["judge"] == "reward model reward"
    assert found["wins"] + found["ties"] + found["losses"] == 40
    assert improved["reason"] == found["verdict"] and improved["message"] == found["message"]
    assert improved["reason"] != "NotEvaluated", improved
    installed.kubectl(
        "wait", f"--for=condition=Improved={improved['status']}", "dpojob/quickstart", "-n", inputs[0],
        f"--timeout={LIMIT:.0f}s",
    )  # fmt: skip
    output = installed.output(trained)
    assert len((output / "evaluation.jsonl").read_text().splitlines()) == 40
    assert any("40 prompts" in reason for reason in trained["status"]["plan"]["reasons"])
    page = job_page.context.new_page()
    page.goto((output / "report.html").as_uri())
    assert page.locator("#verdict").inner_text() == f"{found['verdict']}. {found['message']}"
    drawn = page.get_by_role("img", name="Win rate against the model before")
    assert "95% interval" in drawn.get_attribute("aria-label")
    page.close()


@pytest.fixture(scope="module")
def training_jobs(trained, installed, inputs):
    """The Jobs that trained it."""
    uid = trained["metadata"]["uid"]
    found = installed.training_jobs(inputs[0])
    return [job for job in found if job["metadata"]["labels"]["dpojob.dev/uid"] == uid]


def test_exactly_one_training_job_was_made(training_jobs):
    assert len(training_jobs) == 1


def test_triton_builds_what_a_gpu_needs_in_the_training_pod(training_jobs, installed):
    script = (ROOT / "tests/kit/e2e/triton_build.py").read_text()
    phase, log = run_in_training_pod(installed, training_jobs[0], "triton", script)
    assert (phase, "all built" in log) == ("Succeeded", True), log


def test_prometheus_saw_the_margin_rise(trained, prometheus):
    (series,) = query(prometheus, 'dpojob_training_reward_margin{name="quickstart"}[1d]')
    values = [float(value) for _, value in series["values"]]
    assert values[-1] > values[0]
    assert max(values) > 0.5


def test_the_series_of_a_job_end_with_it(trained, prometheus):
    series = 'dpojob_training_reward_margin{name="quickstart"}'
    wait_until(lambda: not query(prometheus, series), "the series is gone")


def test_kubectl_get_shows_the_columns(trained, installed, inputs):
    header, row = installed.kubectl("get", "dpo", "quickstart", "-n", inputs[0]).splitlines()
    columns = "NAME PHASE MODEL POOL PROGRESS MARGIN WINRATE ETA COST AGE"
    assert header.split() == columns.split()
    assert "Complete" in row
    assert "100%" in row


def test_kubectl_describe_reads_as_sentences(trained, installed, inputs):
    text = installed.kubectl("describe", "dpo", "quickstart", "-n", inputs[0])
    for reason in trained["status"]["plan"]["reasons"]:
        assert reason[:40] in text
    assert "Events:" in text
    assert "Completed" in text


SHOWN = {
    "status quickstart --watch": "quickstart: Complete, step #",
    "events quickstart": "Normal Completed Trained # steps",
    "logs quickstart": "Succeeded, Completed: Trained # steps",
    "report quickstart": "quickstart-report.html",
    "download quickstart": "tokenizer_config.json",
}
"""What the page and the command both show, by the command of docs/cli.md that needs a node."""


def test_the_commands_of_the_documentation_do_for_a_tenant_what_it_shows(
    trained, installed, inputs, manifest, scratch, job_page
):
    (scratch / "quickstart.yaml").write_text(manifest)
    tenant = tenant_variables(installed.cluster, scratch / TENANT_KUBECONFIG)
    recorded = [block for block in blocks(CLI_PAGE) if block.mark == ON_NODE]
    assert len(recorded) == len(SHOWN)
    for block, (command, text) in zip(recorded, SHOWN.items(), strict=True):
        assert f"dpojob {command}" in block.commands
        assert text in "\n".join(shapes(block.output)), block.commands
        assert text in "\n".join(run_block(block, scratch, tenant)), block.commands
    output = installed.output(trained)
    report = scratch / "quickstart-report.html"
    assert report.read_bytes() == (output / "report.html").read_bytes()
    model, weights = scratch / "tuned-by-the-cluster", "model.safetensors"
    assert (model / weights).read_bytes() == (output / weights).read_bytes()
    assert not (model / ".checkpoints").exists()
    left = installed.kubectl(
        "get", "pods", "-n", inputs[0], "-l", "dpojob.dev/claim-reader", "-o", "name"
    )
    assert left == ""


@pytest.fixture(scope="module")
def followed(installed, trained, job_page, scratch):
    """A second run with other settings, by a tenant: the job at its end, and its log as it was followed."""
    tenant = tenant_variables(installed.cluster, scratch / TENANT_KUBECONFIG)
    log = followed_run.create_and_follow(scratch / "second.yaml", {**os.environ, **tenant})
    return installed.finish(trained["metadata"]["namespace"], followed_run.NAME), log


def test_a_log_is_followed_from_before_the_first_pod_to_the_end_of_the_job(followed, installed):
    job, log = followed
    assert log.status == 0, log.messages
    assert condition(job, "Complete")["status"] == "True", job["status"]
    # A pod may have started before the command looked for one the first time.
    pods = [line.split()[-1] for line in log.messages if line.startswith("pod ")]
    assert pods == ["(inspect)", "(train)"], log.messages
    metrics = (installed.output(job) / "metrics.jsonl").read_text().splitlines()
    steps = [each for each in map(json.loads, metrics) if "loss" in each]
    assert len(log.records) == len(steps) > 2
    finished = datetime.fromisoformat(condition(job, "Finished")["lastTransitionTime"])
    assert log.records[0][0] < finished.timestamp()
    assert " Succeeded, Completed: Trained " in log.lines[-1]


def test_two_runs_are_compared_on_the_page(trained, followed, job_page):
    jobs, page = (trained, followed[0]), job_page
    keys = ["/".join((job["metadata"]["namespace"], job["metadata"]["name"])) for job in jobs]
    page.evaluate("path => { location.hash = path }", f"#/compare/{'/'.join(keys)}")
    expect(page.locator(".compared [data-phase=Complete]")).to_have_count(2, timeout=1000 * LIMIT)
    settings = page.locator("[data-key=settings] tbody tr")
    expect(settings.filter(has_text="spec.training.beta").locator("td")).to_have_text(
        ["0.1", "0.5"]
    )
    expect(settings.filter(has_text="spec.training.learningRate")).to_have_count(0)
    losses = [job["status"]["progress"]["evalLoss"] for job in jobs]
    shown = page.locator("[data-key=results] tr", has_text="evaluation loss").locator("td")
    expect(shown).to_have_text([re.compile(f"^{loss:.3f}") for loss in losses])
    assert "best" in shown.nth(losses.index(min(losses))).get_attribute("class")
    drawn = [
        f"{key}: [1-9][0-9]* points, [^;]* at step {job['status']['progress']['maxSteps']}"
        for key, job in zip(keys, jobs, strict=True)
    ]
    chart = page.locator("[data-chart=loss]")
    expect(chart).to_have_attribute(
        "aria-label", re.compile("; ".join(drawn)), timeout=1000 * LIMIT
    )
    expect(chart.locator("canvas")).to_be_visible()


def test_deleting_the_job_leaves_its_model(trained, installed, inputs):
    directory = installed.output(trained)
    installed.kubectl("delete", "dpojob", "quickstart", "-n", inputs[0], f"--timeout={LIMIT:.0f}s")
    installed.kubectl(
        "wait", "--for=delete", "jobs", "-n", inputs[0], f"--timeout={LIMIT:.0f}s", "-l",
        f"dpojob.dev/uid={trained['metadata']['uid']}",
    )  # fmt: skip
    assert (directory / "config.json").exists()
