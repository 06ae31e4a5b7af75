"""The inspection report as one HTML page, without scripts or anything from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.report import InspectionReport, Lengths

MAX_CHARACTERS = 1500
"""The most characters of a value that are shown."""
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, directions of writing by which a text may show as another one, half surrogates."""


@dataclass(frozen=True)
class ReportRows:
    """Rows of the dataset that are shown with the report."""

    rows: Mapping[tuple[str | None, int], Mapping[str, Any]] = field(default_factory=dict)
    """Rows that problems and suspects name, by split (None for that of training) and number; their
    secrets must be masked already."""
    pairs: Mapping[int, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    """The values of prompt, chosen and rejected of the rows that suspects name."""
    trained: Sequence[tuple[Sequence[str], Sequence[str], Sequence[str]]] = ()
    """Prompt, chosen and rejected of some rows as training sees them, in pieces."""
    has_tokens: bool = False
    """Whether the pieces are tokens; whole texts otherwise."""


def render_page(report: InspectionReport, rows: ReportRows) -> str:
    """Render the page.

    Every text is escaped and clipped, and what a browser would hide is shown.

    Args:
        report: The report.
        rows: The rows to show.

    Returns:
        The HTML text, which can be encoded as UTF-8.
    """
    # Imported here, since most reports are no page.
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("dpojob_trainer.inspection.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "visible": _visible}
    problems = sorted(report.problems, key=lambda one: (one.severity != "error", -one.rows))
    return environment.get_template("inspection.html.j2").render(
        report=report,
        problems=[
            (problem, [(n, rows.rows.get((problem.split, n))) for n in problem.examples])
            for problem in problems
        ],
        suspects=[
            (group, [(n, rows.pairs[n]) for n in group.examples if n in rows.pairs])
            for group in report.suspects
        ],
        length_bars=_length_bars(report.lengths) if report.lengths else [],
        balance_bars=_balance_bars(report),
        trained=rows.trained,
        has_tokens=rows.has_tokens,
    )


def shown(value: Any) -> str:
    """Format a value of a row.

    Args:
        value: Text, or a JSON value.

    Returns:
        The text without invisible characters, clipped; the page escapes it.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = _visible(text)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _visible(text: str) -> str:
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


@dataclass(frozen=True)
class Bar:
    """One horizontal bar."""

    label: str
    value: str
    width: float
    """Percent of the longest."""


def _length_bars(lengths: Lengths) -> list[Bar]:
    parts = {
        "prompt": lengths.prompt,
        "chosen": lengths.chosen,
        "rejected": lengths.rejected,
        "prompt + longer answer": lengths.longest,
    }
    longest = max(1, lengths.longest.max)
    return [
        Bar(f"{name}, {share}", f"{length:,}", 100 * length / longest)
        for name, p in parts.items()
        for share, length in (("half up to", p.p50), ("95% up to", p.p95), ("longest", p.max))
    ]


def _balance_bars(report: InspectionReport) -> list[Bar]:
    rows = max(1, report.rows)
    counts = {
        "to train on": report.train_rows,
        "held out": report.eval_rows if not report.eval_content_hash else 0,
        "left out": report.dropped_rows,
        "duplicates": report.quality.duplicate_rows,
    }
    bars = [
        Bar(name, f"{count:,} rows", min(100.0, 100 * count / rows))
        for name, count in counts.items()
    ]
    share = report.quality.chosen_longer_share
    return [
        *bars,
        Bar("chosen is the longer answer", f"{share:.0%}", 100 * share),
        Bar(
            "cut at maxLength",
            f"{report.quality.truncated_share:.1%}",
            100 * report.quality.truncated_share,
        ),
    ]
