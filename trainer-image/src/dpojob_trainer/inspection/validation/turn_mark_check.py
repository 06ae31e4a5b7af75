"""The check that an answer is one turn: it holds no mark of another one."""

from __future__ import annotations

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.layouts import ColumnLayout
from dpojob_trainer.shared.rows.preference_pair import PreferencePair, as_messages, last_text
from dpojob_trainer.shared.rows.row_error import RowError
from dpojob_trainer.shared.rows.turn_marks import (
    BEGINNING_OF_TURN,
    TRANSCRIPT_MARK,
    USER_MARK,
    ending_answer_mark,
    find_mark,
)


def find_turn_mark(layout: ColumnLayout, pair: PreferencePair) -> RowError | None:
    """Find the mark of another turn in an answer: training would teach the model to write it.

    Args:
        layout: How the dataset's columns are read.
        pair: The pair; of texts without a prompt column more marks count, since both turns were
            written into one text, and of a prompt that ends with an answer's mark those of its users.

    Returns:
        The error; None where both answers are one turn.
    """
    is_transcript = pair.implicit and pair.format == "standard"
    pattern = TRANSCRIPT_MARK if is_transcript else BEGINNING_OF_TURN
    prompt = last_text(pair.prompt)
    answer_mark = None if is_transcript else ending_answer_mark(prompt)
    for field, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        messages = as_messages(answer, "assistant")
        for text in (str(message.get("content", "")) for message in messages):
            mark = find_mark(pattern, text)
            if mark is None and answer_mark is not None:
                mark = _user_turn(prompt, answer_mark, text)
            if mark is not None:
                return RowError(
                    ProblemCode.TEMPLATE_IN_TEXT,
                    f"the answer in {layout.name(field)} holds the turn mark {mark!r}",
                )
    return None


def _user_turn(prompt: str, answer_mark: str, answer: str) -> str | None:
    """The mark of a user's turn in an answer that continues the transcript in the prompt."""
    # A mark that the prompt has not, and that no other answer follows, may be a heading.
    text = answer.encode(errors="surrogatepass")
    for found in USER_MARK.finditer(text):
        mark = found[0].decode()
        if mark.strip() in prompt or answer_mark.encode() in text[found.end() :]:
            return mark
    return None
