"""The check that an answer is one turn: it holds no mark of another one."""

from __future__ import annotations

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.layouts import ColumnLayout
from dpojob_trainer.shared.preference_pair import PreferencePair, as_messages
from dpojob_trainer.shared.row_error import RowError
from dpojob_trainer.shared.turn_marks import BEGINNING_OF_TURN, TRANSCRIPT_MARK, find_mark


def find_turn_mark(layout: ColumnLayout, pair: PreferencePair) -> RowError | None:
    """Find the mark of another turn in an answer: training would teach the model to write it.

    Args:
        layout: How the dataset's columns are read.
        pair: The pair; of texts without a prompt column more marks count, since both turns were
            written into one text.

    Returns:
        The error; None where both answers are one turn.
    """
    is_transcript = pair.implicit and pair.format == "standard"
    pattern = TRANSCRIPT_MARK if is_transcript else BEGINNING_OF_TURN
    for field, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        messages = as_messages(answer, "assistant")
        for text in (str(message.get("content", "")) for message in messages):
            mark = find_mark(pattern, text)
            if mark is not None:
                return RowError(
                    ProblemCode.TEMPLATE_IN_TEXT,
                    f"the answer in {layout.name(field)} holds the turn mark {mark!r}",
                )
    return None
