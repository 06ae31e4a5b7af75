"""What docs/performance.md says of its own figures."""

from __future__ import annotations

from tests.kit.repository import ROOT


def cells(line: str) -> list[str]:
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_says_of_each_ratio_whether_its_target_is_reached() -> None:
    page = (ROOT / "docs" / "performance.md").read_text().splitlines()
    begin = page.index("DPOJob, divided by:")
    rows = map(cells, page[begin + 4 : begin + 8])
    bare, (time, *rates), raised, _ = ([float(cell) for cell in row[1:]] for row in rows)
    expected = {
        "rate of 200 and of 1,000, divided by Kubeflow Trainer's at its defaults": min(rates) >= 3,
        "the same, divided by Kubeflow Trainer's at 500 QPS": min(raised[1:]) >= 1,
        "the same, divided by that of bare Jobs": min(bare[1:]) >= 0.6,
        "time of one job, divided by Kubeflow Trainer's at its defaults": time <= 0.7,
    }
    targets = page.index("| of DPOJob | target | reached |") + 2
    said = {row[0]: row[2] for row in map(cells, page[targets : targets + len(expected)])}
    assert said == {what: "yes" if reached else "no" for what, reached in expected.items()}
