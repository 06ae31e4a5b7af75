"""Tasks of users where no code may run: what a dataset or a template could reach beyond the claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from tests.kit.hub.server import Hub
from tests.kit.tiny_models import write_task

from dpojob_api.spec import EvaluationTask
from dpojob_trainer.training.evaluation.tasks.metric_values import TaskError

Load = Callable[[], Any]
PARQUET = {"dataset_path": "parquet", "dataset_kwargs": {"data_files": {"test": "rows.parquet"}}}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the task `manners.yaml` of the claim at `tmp_path / "claim"` as a pod does."""
    from dpojob_trainer.training.evaluation.tasks.harness import LoadedTask

    (tmp_path / "claim").mkdir()
    monkeypatch.setenv("DPOJOB_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.delenv("DPOJOB_ALLOW_PROGRAMS", raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    root = tmp_path / "claim"
    job: Any = SimpleNamespace(volumes={"claim": root}, path=lambda volume: root / volume.path)
    spec = EvaluationTask.model_validate(
        {"name": "manners", "volume": {"claimName": "claim", "path": "manners.yaml"}}
    )
    return lambda: LoadedTask(job, spec)


def write_rows(root: Path, column: Any, value: Any) -> None:
    features = datasets.Features({"question": datasets.Value("string"), "extra": column})
    rows = datasets.Dataset.from_dict({"question": ["Which?"], "extra": [value]}, features=features)
    rows.to_parquet(root / "rows.parquet")


@pytest.mark.parametrize("nested", [False, True])
def test_a_column_that_a_library_decodes_is_refused_before_it_is_decoded(
    tmp_path: Path, load: Load, nested: bool
) -> None:
    root, written = tmp_path / "claim", tmp_path / "written"
    picture = tmp_path / "picture.ppm"
    picture.write_bytes(b"P6 1 1 255\n\0\0\0")
    column, value = datasets.Image(), {"bytes": None, "path": str(picture)}
    place, name = "extra", "extra"
    if nested:
        column, value, place, name = (
            datasets.List({"image": column}),
            [{"image": value}],
            "extra[0].image",
            "extra.image",
        )
    write_rows(root, column, value)
    template = f'{{{{ {place}.save("{written}", format="PPM") }}}}'
    options = {"doc_to_text": template, "doc_to_choice": ["a", "b"], "doc_to_target": 0}
    write_task(root, **PARQUET, **options)
    with pytest.raises(TaskError, match=f"column {name} of its dataset is of the type Image"):
        load()
    assert not written.exists()


def test_columns_of_plain_values_are_data(tmp_path: Path, load: Load) -> None:
    root = tmp_path / "claim"
    column = datasets.List({"label": datasets.ClassLabel(names=["no", "yes"])})
    write_rows(root, column, [{"label": 1}])
    template = "{% for each in extra %}{{ loop.index }} {{ question.lower() }} {{ each.label }}{% endfor %}"
    options = {"doc_to_text": template, "doc_to_choice": ["a", "b"], "doc_to_target": 0}
    write_task(root, **PARQUET, **options)
    (task,) = load()._loaded["tasks"].values()
    assert task.doc_to_text(task.task_docs[0]) == "1 which? 1"


def test_a_template_reaches_no_method_of_a_librarys_object(tmp_path: Path) -> None:
    import lm_eval.utils
    import PIL.Image
    from jinja2.exceptions import SecurityError

    import dpojob_trainer.training.evaluation.tasks.harness

    assert dpojob_trainer.training.evaluation.tasks.harness
    written = tmp_path / "written"
    for template in (
        '{{ image.save(path, format="PPM") }}',
        '{{ (image|attr("save"))(path, "PPM") }}',
    ):
        with pytest.raises(SecurityError, match="'save' of 'Image'"):
            lm_eval.utils.apply_template(
                template, {"image": PIL.Image.new("RGB", (1, 1)), "path": str(written)}
            )
    assert not written.exists()


def test_a_repository_is_no_directory_of_the_same_name(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(tmp_path / "claim", dataset_path="volumes/other", dataset_kwargs={})
    other = tmp_path / "volumes/other"
    other.mkdir(parents=True)
    (other / "test.jsonl").write_bytes((tmp_path / "claim/manners.jsonl").read_bytes())
    monkeypatch.chdir(tmp_path)
    with Hub() as hub:
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        with pytest.raises(Exception, match="'volumes/other' doesn't exist on the Hub"):
            load()


def test_a_metric_that_is_a_program_of_the_hub_is_refused(load: Load) -> None:
    import evaluate

    with pytest.raises(TaskError, match=r"squad_v2 by a program of the hub.*allowPrograms"):
        evaluate.load("squad_v2")


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        # The value of a sample is its log-likelihood, which is better when it is higher.
        ({"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False}, True),
        ({"metric": "acc", "aggregation": "mean", "higher_is_better": None}, True),
        ({"metric": "acc", "aggregation": "mean", "higher_is_better": False}, False),
    ],
)
def test_which_values_of_a_sample_are_better(
    tmp_path: Path, load: Load, metric: dict[str, Any], better: bool
) -> None:
    kind = {"output_type": "loglikelihood", "doc_to_choice": None, "doc_to_target": "question"}
    write_task(tmp_path / "claim", **kind, metric_list=[metric])
    assert load()._higher_is_better(metric["metric"]) is better
