"""The page in headless Chromium: a tenant looks at jobs whose statuses change on a real API server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from tests.kit.cli.page_jobs import PLAN, condition, job, pool, progress, training
from tests.kit.cli.page_tenant import PageTenant
from tests.kit.ui import new_context

pytestmark = pytest.mark.cluster
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
HOSTILE = (
    "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>\u202e"
)


class Viewer:
    """A browser page that records what it asks for and what goes wrong."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.requested: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda line: self.errors.append(line.text) if line.type == "error" else None
        )
        page.goto(address)

    def open(self, path: str) -> Page:
        self.page.evaluate("path => { location.hash = path }", path)
        return self.page

    @property
    def overflow(self) -> int:
        """Pixels by which the document is wider than the window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))


@pytest.fixture(scope="module")
def jobs(tenant: PageTenant) -> Iterator[PageTenant]:
    """The tenant's jobs: one trains, one is complete, one is queued, one waits, one is hostile."""
    first, second = tenant.namespaces
    sample = {
        "prompt": "How do I learn Python?",
        "before": "No.",
        "after": "Begin with a\nsmall program.",
    }
    evaluation = {
        "verdict": "TaskRegressed", "message": "Task ifeval went from 0.5 to 0.4: worse than before.",
        "tasks": [
            {"name": "ifeval", "metric": "acc", "before": {"value": 0.5}, "after": {"value": 0.4},
             "difference": {"value": -0.1, "low": -0.15, "high": -0.05, "n": 541}},
            {"name": HOSTILE, "error": "there is no such dataset"},
        ],
    }  # fmt: skip
    budget = {"budget": {"maxCost": "20.00"}, "training": {"beta": 0.1}}
    tenant.create(training("helpful", first, spec=budget, samples=[sample],
                           progress=progress(10, loss=0.69, margin=0.01)))  # fmt: skip
    tenant.create(
        training("stricter", second, spec={"training": {"beta": 0.5}}, phase="Complete",
                 progress=progress(100, loss=0.3, evalLoss=0.35, margin=1.2),
                 cost={"soFar": "5.00", "currency": "USD"}, evaluation=evaluation,
                 conditions=[condition("Complete", "Completed", "The model is in place")])
    )  # fmt: skip
    tenant.create(job("queued", first, phase="Queued", plan=PLAN,
                      conditions=[condition("Ready", "Queued", "a10g has no free GPU", "False")]))  # fmt: skip
    tenant.create(job("after", first, spec={"model": {"fromJob": {"name": "helpful"}}}, phase="Waiting",
                      conditions=[condition("Ready", "WaitingForJob", "helpful has not finished", "False")]))  # fmt: skip
    bad = {"prompt": HOSTILE, "before": HOSTILE, "after": HOSTILE}
    tenant.create(
        training("hostile", second, samples=[bad, {"prompt": "w" * 3000}], phase="Failed",
                 plan=PLAN | {"reasons": [HOSTILE], "gpuModel": HOSTILE},
                 display={"model": HOSTILE}, conditions=[condition("Failed", "TrainingFailed", HOSTILE)])
    )  # fmt: skip
    name = f"page-{first.rpartition('-')[2]}"
    tenant.plane.kubectl("create", "-f", "-", input=json.dumps(pool(name)))
    yield tenant
    tenant.plane.kubectl("delete", "gpupool", name, check=False)


@pytest.fixture
def viewer(jobs: PageTenant, browser: Browser, address: str) -> Iterator[Viewer]:
    context = new_context(browser, DESKTOP)
    made = Viewer(context.new_page(), address)
    yield made
    context.close()
    own = urlsplit(address).netloc
    assert {urlsplit(url).netloc for url in made.requested} == {own}
    assert made.errors == []


def points(page: Page, chart: str) -> Any:
    return page.locator(f"[data-chart={chart}]").get_attribute("data-points")


def test_all_jobs_that_the_tenant_may_read_are_listed(viewer: Viewer, jobs: PageTenant) -> None:
    page, (first, second) = viewer.page, jobs.namespaces
    expect(page.locator(".jobs tbody tr")).to_have_count(5)
    expect(page.get_by_text(f"Namespaces: {first}, {second}")).to_be_visible()
    expect(page.locator(f".jobs [data-key='{first}/helpful']")).to_contain_text("Training")
    waiting = page.locator("[data-key=waiting]")
    expect(waiting).to_contain_text(re.compile("queued waits for pool a10g .used by .*helpful"))
    expect(waiting).to_contain_text("after waits for DPOJob helpful")
    expect(page.locator("[data-key=cost-namespaces]")).to_contain_text("USD")
    expect(page.locator("[data-key=pools]")).to_contain_text("A10G 24 GiB")


def test_the_list_is_filtered_and_sorted(viewer: Viewer) -> None:
    page = viewer.page
    names = page.locator(".jobs tbody th bdi")
    page.get_by_label("Filter").fill("strict")
    expect(names).to_have_text(["stricter"])
    page.get_by_label("Filter").fill("")
    page.get_by_label("Phase").select_option("Queued")
    expect(names).to_have_text(["queued"])
    page.get_by_label("Phase").select_option("")
    page.get_by_role("button", name="cost").click()
    expect(names.first).to_have_text("stricter")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("cost")


def test_curves_grow_while_the_job_trains(viewer: Viewer, jobs: PageTenant) -> None:
    first = jobs.namespaces[0]
    page = viewer.open(f"#/job/{first}/helpful")
    chart = page.locator("[data-chart=loss]")
    expect(chart.locator("canvas")).to_be_visible()
    before = int(points(page, "loss"))
    page.locator("[data-key=chart-loss] summary").click()
    for step in (20, 30, 40):
        figures = progress(step, loss=0.69 - step / 200, margin=step / 50, evalLoss=0.6)
        jobs.report(first, "helpful", progress=figures)
        expect(page.get_by_text(f"step {step} of 100")).to_be_visible()
        expect(chart).to_have_attribute("aria-label", re.compile(f"at step {step}"))
    assert int(points(page, "loss")) == before + 3
    expect(chart.locator("canvas")).to_have_count(1)
    table = page.locator("[data-key=chart-loss] details")
    expect(table.locator("tbody th")).to_contain_text(["10", "20", "30", "40"])
    assert table.get_attribute("open") is not None, "an update closes nothing"


def test_a_job_shows_validity_plan_memory_budget_samples_and_events(
    viewer: Viewer, jobs: PageTenant
) -> None:
    first = jobs.namespaces[0]
    page = viewer.open(f"#/job/{first}/helpful")
    expect(page.locator("[data-key=dataset]")).to_contain_text("DuplicateRow")
    expect(page.locator("[data-key=plan]")).to_contain_text("15.0 of 21.8 GiB expected")
    stack = page.get_by_role("img", name="weights 9.0 GiB, activations 4.5 GiB, logits 1.5 GiB")
    expect(stack).to_be_visible()
    widths = [box["width"] for each in stack.locator("div").all() if (box := each.bounding_box())]
    assert widths[0] > widths[1] > widths[2] > 0
    expect(page.locator("[data-key=cost]")).to_contain_text("Budget 20.00 USD")
    sides = page.locator("[data-key=samples] .sides > div")
    left, right = (each.bounding_box() for each in sides.all())
    assert left is not None and right is not None and left["y"] == right["y"]
    uid = jobs.plane.kubectl(
        "-n", first, "get", "dpojob", "helpful", "-o", "jsonpath={.metadata.uid}"
    ).stdout
    jobs.plane.kubectl("create", "-f", "-", input=EVENT.format(namespace=first, uid=uid))
    expect(page.locator("[data-key=events]")).to_contain_text("BatchHalved half of the batch")


EVENT = """
apiVersion: v1
kind: Event
metadata: {{name: helpful.1, namespace: {namespace}}}
involvedObject: {{apiVersion: dpojob.dev/v1alpha1, kind: DPOJob, name: helpful, namespace: {namespace}, uid: {uid}}}
type: Warning
reason: BatchHalved
message: half of the batch
"""


def test_benchmark_tasks_are_a_table_with_both_models(viewer: Viewer, jobs: PageTenant) -> None:
    page = viewer.open(f"#/job/{jobs.namespaces[1]}/stricter")
    rows = page.get_by_role("group", name="benchmark tasks").locator("tbody tr")
    expect(rows.first).to_have_text(
        re.compile(r"ifeval, acc.*0\.500.*0\.400.*-0\.100 \(-0\.150 to -0\.050\).*541")
    )
    expect(rows.last).to_contain_text("there is no such dataset")


def test_jobs_are_compared_by_keyboard_alone(viewer: Viewer) -> None:
    page = viewer.page
    expect(page.locator(".jobs tbody tr")).to_have_count(5)
    press = page.keyboard.press
    press("/")
    page.keyboard.type("org/model")
    press("Escape")
    expect(page.locator(".jobs tbody tr")).to_have_count(3)
    for _ in range(3):
        press("j")
        press("x")
    expect(page.get_by_text("Compare 3 jobs")).to_be_visible()
    press("k")
    press("x")
    press("c")
    expect(page.get_by_role("heading", name="Comparison")).to_be_visible()
    assert len(page.locator(".compared li").all()) == 2
    press("u")
    expect(page.get_by_role("heading", name="All jobs")).to_be_visible()
    press("j")
    press("Enter")
    expect(page.get_by_role("heading", name="Curves")).to_be_visible()
    press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_comparison_shows_curves_differences_and_results(
    viewer: Viewer, jobs: PageTenant
) -> None:
    first, second = jobs.namespaces
    page = viewer.open(f"#/compare/{first}/helpful/{second}/stricter")
    settings = page.locator("[data-key=settings] tbody tr")
    expect(settings.filter(has_text="spec.training.beta")).to_contain_text("0.10.5")
    expect(settings.filter(has_text="spec.dataset.repo")).to_have_count(0)
    best = page.locator("[data-key=results] tr", has_text="training loss").locator(".best")
    expect(best).to_contain_text("0.300")
    label = page.locator("[data-chart=loss]").get_attribute("aria-label") or ""
    assert f"{first}/helpful: " in label and f"{second}/stricter: 1 points" in label
    expect(page.locator("[data-chart=loss] canvas")).to_be_visible()


def test_curves_of_compared_jobs_grow_while_both_train(viewer: Viewer, jobs: PageTenant) -> None:
    first, second = jobs.namespaces
    for namespace in jobs.namespaces:
        jobs.create(training("sweep", namespace, progress=progress(10, loss=0.69)))
    page = viewer.open(f"#/compare/{first}/sweep/{second}/sweep")
    chart = page.locator("[data-chart=loss]")
    for step in (20, 30):
        for namespace in jobs.namespaces:
            jobs.report(namespace, "sweep", progress=progress(step, loss=0.69 - step / 200))
        grown = f"{first}/sweep: [^;]* at step {step}; {second}/sweep: [^;]* at step {step}"
        expect(chart).to_have_attribute("aria-label", re.compile(grown))
    expect(chart.locator("canvas")).to_have_count(1)
    for namespace in jobs.namespaces:
        jobs.plane.kubectl("-n", namespace, "delete", "dpojob", "sweep")


def test_text_of_a_hostile_tenant_is_text(viewer: Viewer, jobs: PageTenant) -> None:
    page = viewer.open(f"#/job/{jobs.namespaces[1]}/hostile")
    expect(page.locator(".message")).to_contain_text("<img src=x onerror=")
    expect(page.locator(".message")).to_contain_text("\\u202e")
    assert page.locator("main img:not([role]), main script, main iframe").count() == 0
    viewer.open("#/")
    expect(page.locator(".jobs tbody tr")).to_have_count(5)
    assert page.locator("main img:not([role]), main script").count() == 0
    assert page.title() == "DPOJobs"


@pytest.mark.parametrize("view", ["#/", "#/job/{0}/helpful", "#/job/{1}/hostile", "#/compare/{0}/helpful/{1}/stricter"])  # fmt: skip
def test_a_phone_scrolls_down_only(viewer: Viewer, jobs: PageTenant, view: str) -> None:
    viewer.page.set_viewport_size(PHONE)
    page = viewer.open(view.format(*jobs.namespaces))
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Loading")
    assert viewer.overflow == 0
    for canvas in page.locator("canvas").all():
        box = canvas.bounding_box()
        assert box is not None and box["x"] + box["width"] <= PHONE["width"]


def test_dark_mode_follows_the_system_in_text_and_curves(viewer: Viewer, jobs: PageTenant) -> None:
    page = viewer.open(f"#/job/{jobs.namespaces[0]}/helpful")
    expect(page.locator("[data-chart=loss] canvas")).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    legend = "getComputedStyle(document.querySelector('[data-chart=loss] .u-marker')).borderColor"
    stroke = page.evaluate(legend)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{background} !== '{light}'")
    page.wait_for_function(f"{legend} !== '{stroke}'")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
