"""The tables of docs/operate.md on where each wait and each failure of a job shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from tests.kit.repository import ROOT

from dpojob_api.job import Phase

SECTION = (
    (ROOT / "docs/operate.md")
    .read_text()
    .partition("## Where a wait or a failure shows")[2]
    .partition("\n## ")[0]
)
UNFINISHED = frozenset(get_args(Phase)) - {"Complete", "Failed"}
PHASE_IS_KEPT = "as before"


@dataclass(frozen=True)
class Row:
    """What each reader shows of a job, as the cells of one row say."""

    reason: str
    """The reason of the condition Ready, which the column REASON shows."""
    phases: frozenset[str]
    argocd: str
    kstatus: str
    metric: str
    """A series, with the labels that matter."""
    command: str
    """What `dpojob status` prints, with … for any text."""

    @property
    def printed(self) -> re.Pattern[str]:
        """Matches what `dpojob status` prints, without line ends."""
        return re.compile(".*".join(map(re.escape, self.command.split("…"))))


def read_rows(heading: str, columns: int) -> list[Row]:
    """The rows of the table whose first heading is this; its last `columns` columns are those of Row."""
    lines = SECTION.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [_row(line, columns) for line in lines]


def _row(line: str, columns: int) -> Row:
    cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
    assert len(cells) == columns, line
    named = cells if columns == 6 else [cells[2], cells[1], *cells[3:]]
    reason, phases, argocd, kstatus, metric, command = (cell.strip("`") for cell in named)
    listed = UNFINISHED if phases == PHASE_IS_KEPT else frozenset(phases.split(", "))
    return Row(reason, listed, argocd, kstatus, metric, command)


WAITS = read_rows("a job waits or works because", 7)
"""The rows about jobs that have not ended."""
FAILURES = read_rows("a failed job's REASON", 6)
WAIT_PHASES = {(phase, row.reason) for row in WAITS for phase in row.phases}
"""Each pair of PHASE and REASON that the first table has."""
