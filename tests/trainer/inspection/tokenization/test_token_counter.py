"""Token lengths are those of transformers and TRL, with the model's own template and tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.volume_fixture import make_bare_model

from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection.tokenization import ModelContext
from dpojob_trainer.shared.rows.preference_pair import PreferencePair
from dpojob_trainer.shared.rows.row_error import RowError

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Trims, refuses two turns of one role, greets with the date's length, opens a thought when asked.
STRICT = (
    "{{- bos_token }}{%- if messages[0]['role'] == 'system' %}{{- raise_exception('no system role') }}"
    "{%- endif %}\n{%- for message in messages %}\n"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('roles must alternate') }}{%- endif %}\n"
    "{{- '<s>' + message['role'] + ': ' + message['content'] | trim + eos_token }}\n"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<s>assistant: <t></t>' }}{%- endif %}"
)
TOOLS = (
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for message in messages %}{% generation %}"
    "<s>{{ message.role }}{{ message.content }}{{ message.reasoning_content }}</s>{% endgeneration %}"
    "{% if loop.index > 50 %}{% break %}{% endif %}{% endfor %}{% if add_generation_prompt %}<s>assistant"
    "{% endif %}"
)
TEMPLATES = {"chatml": CHATML, "strict": STRICT, "tools": TOOLS, "none": None}


@pytest.fixture(scope="module", params=list(TEMPLATES))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    directory = make_bare_model(tmp_path_factory.mktemp("models") / request.param)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(["the quick brown fox, user assistant system"] * 9, trainer)
    if request.param == "none":
        raw.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", raw.token_to_id("<s>"))]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="<|im_end|>", pad_token="</s>"
    )
    tokenizer.chat_template = TEMPLATES[request.param]
    tokenizer.save_pretrained(directory)
    return directory


def lengths_by_trl(tokenizer: Any, row: dict[str, Any]) -> tuple[int, int, int] | None:
    """The body of DPOTrainer's own tokenize_fn, over its own helpers."""
    from trl.data_utils import _tokenize, common_prefix_length, is_conversational

    tools = json.loads(row["tools"]) if "tools" in row else None
    if is_conversational(row):
        kwargs = {"tools": tools}
        prompt = _tokenize(tokenizer, row["prompt"], add_generation_prompt=True, **kwargs)
        chosen = _tokenize(tokenizer, row["prompt"] + row["chosen"], **kwargs)
        rejected = _tokenize(tokenizer, row["prompt"] + row["rejected"], **kwargs)
    else:
        end = tokenizer.eos_token
        ended = {
            name: row[name] if row[name].endswith(end) else row[name] + end
            for name in ("chosen", "rejected")
        }
        prompt = _tokenize(tokenizer, row["prompt"])
        chosen = _tokenize(tokenizer, row["prompt"] + ended["chosen"])
        rejected = _tokenize(tokenizer, row["prompt"] + ended["rejected"])
    ids = [part["input_ids"] for part in (prompt, chosen, rejected)]
    shared = min(common_prefix_length(ids[0], ids[1]), common_prefix_length(ids[0], ids[2]))
    if ids[1] == ids[2]:
        return None  # nothing tells the answers apart
    return shared, len(ids[1]) - shared, len(ids[2]) - shared


words = st.sampled_from(["<s>", "<|im_end|>", "</s>", " ", "\n", " fox", "the", "a", ""])
text = st.lists(
    st.one_of(st.text(st.characters(codec="utf-8"), max_size=9), words), max_size=4
).map("".join)
turn = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system"]),
    text,
)
answer = st.builds(lambda content: [{"role": "assistant", "content": content}], text)
conversations = st.builds(
    lambda *parts: PreferencePair(*parts, format="conversational"),
    st.lists(turn, min_size=1, max_size=4),
    answer,
    answer,
)
tool = st.fixed_dictionaries({"name": text, "parameters": st.dictionaries(text, st.integers())})
with_tools = st.builds(
    lambda pair, tools: PreferencePair(
        pair.prompt, pair.chosen, pair.rejected, pair.format, tools or None
    ),
    conversations,
    st.lists(tool, max_size=2),
)
texts = st.builds(lambda *parts: PreferencePair(*parts, format="standard"), text, text, text)


def test_lengths_equal_those_of_trl(model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    subject = ModelContext.open(
        ModelSource.model_validate({"volume": {"claimName": "m", "path": model.name}}),
        {"m": model.parent},
        None,
    )
    chat = tokenizer.chat_template is not None
    assert subject.facts.chat_template is chat
    counter = subject.counter()
    assert counter is not None

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(with_tools if chat else texts, min_size=1, max_size=5))
    def check(pairs: list[PreferencePair]) -> None:
        for pair, found in zip(pairs, counter.lengths(pairs), strict=True):
            try:
                expected = lengths_by_trl(tokenizer, pair.trl_row())
            except Exception as problem:
                assert isinstance(found, RowError), (problem, found)
                assert found.code == "BadMessage"
            else:
                if expected is None:
                    assert isinstance(found, RowError) and found.code == "IdenticalPair"
                else:
                    assert tuple(found) == expected

    check()
