"""The evaluation's part of the model card and of report.html, written into the finished documents."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader

from dpojob_api import constants
from dpojob_api.evaluation import Evaluation, Interval
from dpojob_trainer.training.export.markdown import plain

from .interval_chart import interval_chart

SECTION = re.compile(r"<!-- evaluation -->.*?<!-- /evaluation -->", re.DOTALL)
"""The part of a document that is replaced, its marks included."""
TEMPLATES = {
    constants.FILE_MODEL_CARD: "evaluation_card.md.j2",
    constants.FILE_REPORT: "evaluation_report.html.j2",
}
"""By document, the template of its part."""


def write_sections(directory: Path, evaluation: Evaluation) -> None:
    """Replace the evaluation's part of each document in `directory`."""
    environment = Environment(
        loader=PackageLoader("dpojob_trainer.training.evaluation"),
        autoescape=lambda name: name is not None and ".html" in name,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "share": _share, "figure": _figure, "range": _range}
    charts = [("Reward accuracy", evaluation.reward_accuracy)] if evaluation.reward_accuracy else []
    for name, template in TEMPLATES.items():
        path = directory / name
        section = environment.get_template(template).render(
            evaluation=evaluation,
            charts=[interval_chart(title, interval) for title, interval in charts],
        )
        _replace(path, f"<!-- evaluation -->\n{section}<!-- /evaluation -->")


def _replace(path: Path, section: str) -> None:
    """Replace the section in the file atomically."""
    text = SECTION.sub(lambda _: section, path.read_text(encoding="utf-8"))
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.chmod(path.stat().st_mode)
    part.replace(path)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _range(interval: Interval | None, style: str = "share") -> str:
    """The estimate with its interval."""
    if interval is None or interval.value is None:
        return "–"
    form = _share if style == "share" else _figure
    if interval.low is None:
        return form(interval.value)
    return f"{form(interval.value)} ({form(interval.low)} to {form(interval.high)})"
