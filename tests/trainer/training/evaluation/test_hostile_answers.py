"""Whatever the models answer, the documents beside a model show it as text."""

from __future__ import annotations

import re
from html import unescape

import pytest
from markdown_it import MarkdownIt
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.constants import FILE_MODEL_CARD, FILE_REPORT
from dpojob_api.evaluation import Attention, Evaluation, Interval
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.document_sections import write_sections
from dpojob_trainer.training.evaluation.records import Record
from dpojob_trainer.training.export.markdown import code, plain
from dpojob_trainer.training.export.template_environment import template_environment

HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "--><!-- /evaluation --><svg onload=alert(1)>",
    "</div></body><iframe src=//example.com>",
    "[link](javascript:alert(1)) ![image](//example.com)",
    "{{ 7 * 7 }} \\g<0> \\1",
]
MARKS = "<!-- evaluation --><!-- /evaluation -->"
TAGS = re.compile(r"<(?:script|img|svg|iframe|a)\b[^>]*(?:on\w+|src|href)=|<script")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_and_messages_are_only_text(make_job: MakeJob, text: str) -> None:
    job = make_job()
    job.output.mkdir(parents=True, exist_ok=True)
    (job.output / FILE_REPORT).write_text(f"<html><body>{MARKS}</body></html>")
    (job.output / FILE_MODEL_CARD).write_text(f"---\ntags: [dpo]\n---\n{MARKS}\n")
    rate = Interval(value=0.6, low=0.5, high=0.7, n=1)
    answer = Answer(text, 3, True, 0.0)
    found = Evaluation(
        judge=text,
        win_rate=rate,
        verdict="BetterThanBase",
        message=text,
        note=text,
        attention=[Attention(message=text)],
    )
    records = [Record(text, answer, answer, 0.0, 1.0), Record([{"role": "user", "content": text}], answer, answer, 1.0, 0.0)]  # fmt: skip
    write_sections(job, found, records)
    write_sections(job, found, records)  # The part is found again, whatever it holds.
    page = (job.output / FILE_REPORT).read_text(encoding="utf-8")
    card = (job.output / FILE_MODEL_CARD).read_text(encoding="utf-8")
    _, _, body = card.partition("\n---\n")
    shown = MarkdownIt("commonmark").enable("table").render(body)
    for html in (page, shown):
        assert TAGS.search(html) is None, TAGS.search(html)
        assert " ".join(text.split()) in unescape(html)
    assert page.count("<!-- /evaluation -->") == body.count("<!-- /evaluation -->") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_in_a_model_card_is_escaped_without_a_filter(text: str) -> None:
    environment = template_environment(
        "dpojob_trainer.training.export", {"plain": plain, "code": code}
    )
    source = "{{ text }}\n\n{{ text | plain }}\n\n{{ text | code }}{{ ', ' if text }}{{ 1 }}"
    html = MarkdownIt("commonmark").render(environment.from_string(source).render(text=text))
    assert TAGS.search(html) is None
    assert unescape(html).count(text) == 3
    assert unescape(html).endswith(", 1</p>\n")
