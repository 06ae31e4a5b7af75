"""A model's chat template, over fixed conversations: token counts, refused rows or an InspectionError."""

from __future__ import annotations

import json
from functools import cache

from tests.fuzz.target import Target
from tests.kit.inspection.tokenizer_models import CHATML, NO_SYSTEM, TRIMS, make_model

from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.tokenization import ModelContext
from dpojob_trainer.inspection.tokenization.token_counter import Length
from dpojob_trainer.shared.rows.preference_pair import PreferencePair
from dpojob_trainer.shared.rows.row_error import RowError

from .scratch import scratch

SOURCE = ModelSource.model_validate({"volume": {"claimName": "data", "path": "model"}})
TOOLS = (
    "{% if tools %}{% for tool in tools %}{{ tool | tojson(indent=2) }}{% endfor %}{% endif %}"
    "{% set ns = namespace(found=false) %}{% for m in messages[::-1] %}{% if m.tool_calls and not ns.found %}"
    "{% set ns.found = true %}{% generation %}{{ m.tool_calls }}{% endgeneration %}{% endif %}{% endfor %}"
)
MACRO = (
    "{%- macro part(x) -%}{{ x.split('</think>')[-1].lstrip('\\n') }}{%- endmacro -%}{{ bos_token }}"
    "{% for m in messages %}{% if loop.first %}{{ strftime_now('%Y') }}{% endif %}{{ part(m['content']) }}"
    "{% if loop.index0 % 2 == 1 %}{{ eos_token }}{% endif %}{% endfor %}"
)
TOKENS = (
    "{% for ", " in ", "messages", "{% endfor %}", "{% if ", "{% else %}", "{% endif %}", "{{ ", " }}", "| tojson",
    "| trim", "| upper", "raise_exception('", "['content']", ".role", "add_generation_prompt", "bos_token",
    "namespace(", "loop.last", "{% set ", "{%- macro ", "{% endmacro %}", "{% break %}", "is defined", "tools",
    ".__class__", "| join", ".format(", "| map(attribute='", "[1:]", "~",
)  # fmt: skip


def _answer(text: str, **more: object) -> list[dict[str, object]]:
    return [{"role": "assistant", "content": text, **more}]


QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?\n<|im_end|>"}]  # fmt: skip
CALLS = [{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]
PAIRS = [
    PreferencePair(QUESTION, _answer("So."), _answer("No. é"), "conversational"),
    PreferencePair(
        QUESTION[1:],
        _answer("a", reasoning_content="b"),
        _answer("", tool_calls=CALLS),
        "conversational",
        [{"name": "f"}],
    ),
]


@cache
def _model() -> None:
    make_model(scratch("data/model/config.json").parent, CHATML)


def _check(data: bytes) -> None:
    _model()
    template = data.decode("utf-8", errors="replace")
    config = {"eos_token": "<|im_end|>", "bos_token": "<s>", "chat_template": template}
    scratch("data/model/tokenizer_config.json").write_text(json.dumps(config))
    try:
        counter = ModelContext.open(SOURCE, {"data": scratch("data")}, None).counter()
    except InspectionError as error:
        assert error.reason and error.message
        return
    assert counter is not None
    results = list(counter.lengths(PAIRS, 64))
    assert len(results) == len(PAIRS)
    assert all(isinstance(result, Length | RowError) for result in results)


TARGET = Target(
    "chat-template",
    _check,
    tuple(text.encode() for text in (CHATML, TRIMS, NO_SYSTEM, TOOLS, MACRO)),
    TOKENS,
)
