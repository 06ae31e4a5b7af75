"""Marks of turns that a chat template writes, inside texts that should hold one turn only."""

from __future__ import annotations

import re

HUMAN = "\n\nHuman:"
ASSISTANT = "\n\nAssistant:"
"""The marks of Anthropic/hh-rlhf."""

_BEGINS_TURN = (
    r"<\|im_start\|>"  # ChatML
    r"|<\|start_header_id\|>"  # Llama 3
    r"|<\|(?:user|assistant|system|prompter|User|Bot)\|>"  # Zephyr, Phi 3, OpenAssistant, InternLM
    r"|<\|(?:header_start|start_of_role|START_OF_TURN_TOKEN)\|>"  # Llama 4, Granite, Command R
    r"|<\|start\|>(?:system|developer|user|assistant)"  # gpt-oss
    r"|<｜(?:User|Assistant)｜>"  # DeepSeek
    r"|<start_of_turn>"  # Gemma
    r"|<extra_id_[01]>|<reserved_10[67]>"  # NeMo, Baichuan 2
    r"|\n\n(?:Human|Assistant):"  # hh-rlhf
)
_OTHER = (
    r"<\|im_end\|>|<\|eot_id\|>|<\|end_header_id\|>|<end_of_turn>|\[/?INST\]"
    r"|<\|(?:end|eot|end_of_turn|END_OF_TURN_TOKEN)\|>|<｜end▁of▁sentence｜>"
)
_HEADING = r"### ?(?:Human|User|Question|Instruction|Assistant|Answer|Response)\b:?"

BEGINNING_OF_TURN = re.compile(_BEGINS_TURN.encode())
"""Marks that begin a turn and occur in no ordinary text."""
TEMPLATE_MARK = re.compile(f"{_BEGINS_TURN}|{_OTHER}".encode())
"""Marks of either end of a turn; in an answer those of its end would train little that is wrong."""
TRANSCRIPT_MARK = re.compile(
    f"{_BEGINS_TURN}|{_OTHER}|{_HEADING}|\\n(?:Human|Assistant|User):".encode()
)
"""Marks in a text that holds prompt and answer; in other texts the headings may be Markdown."""
OPENING_MARK = re.compile(
    TRANSCRIPT_MARK.pattern
    + r"|(?:^|\n)(?:Assistant|Answer|Response|AI|Q|Instruct):|\b(?:USER|ASSISTANT):"  # Phi, Vicuna
    r"|(?:^|\n)(?:问|答)(?:：|:)".encode()
)
"""Marks in the common beginning of two such texts, of which the last may be anywhere: the answers may
share their first words."""
ENDS_WITH_ANSWER_MARK = (
    r"(?:### ?(?:Assistant|Answer|Response):?|(?:^|\n)(?:Assistant|Answer):|\[/INST\]"
    r"|<\|assistant\|>|<\|im_start\|>assistant|<start_of_turn>model|<extra_id_1>(?:Assistant)?"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|header_start\|>assistant<\|header_end\|>"
    r"|<\|start_of_role\|>assistant<\|end_of_role\|>|<\|CHATBOT_TOKEN\|>|<｜Assistant｜>"
    r"|(?:^|\n)TL;DR:)[\t-\r ]{0,8}"
)
"""An answer's mark, to be found at the end of a prompt; written so that RE2, which Arrow uses, reads
it as Python does. A summary follows `TL;DR:` in the data of summarize_from_feedback."""
ANSWER_FOLLOWS = re.compile(ENDS_WITH_ANSWER_MARK.encode() + rb"\Z")
"""The end of a prompt to which the beginning of the answer's turn was added already."""
LONGEST_END = 80
"""More bytes than a match of `ANSWER_FOLLOWS` has."""
USER_MARK = re.compile(
    rb"### ?(?:Human|User|Question|Instruction)\b:?|(?:^|\n)(?:Human|User|Question):|\[INST\]"
)
"""The mark of a user's turn, in an answer to a prompt that has such marks too."""
BEGINNINGS = (
    b"<|",
    "<｜".encode(),
    b"<start_of_turn>",
    b"<extra_id_",
    b"<reserved_10",
    b"\n\nHuman:",
    b"\n\nAssistant:",
)
"""Every match of `BEGINNING_OF_TURN` begins with one of these; to look for them is much faster."""
TEMPLATE_PARTS = (*BEGINNINGS, b"<end_of_turn>", b"INST]")
"""The same of `TEMPLATE_MARK`."""


def ending_answer_mark(prompt: str) -> str | None:
    """Find the mark of the answer's turn at the end of a prompt.

    Args:
        prompt: The text of the prompt, or of its last message.

    Returns:
        The mark without white space around it; None where the prompt does not end with one.
    """
    found = ANSWER_FOLLOWS.search(prompt[-LONGEST_END:].encode(errors="surrogatepass"))
    return found[0].decode().strip() if found else None


def find_mark(pattern: re.Pattern[bytes], text: str) -> str | None:
    """Find the first mark in a text.

    Args:
        pattern: One of the patterns of this module.
        text: The text.

    Returns:
        The mark as it is written; None without one.
    """
    found = pattern.search(text.encode(errors="surrogatepass"))
    return found[0].decode() if found else None
