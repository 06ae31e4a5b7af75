"""The tokens at which generation stops, and whether the chat template ends turns with one of them."""

from __future__ import annotations

from tokenizers import Tokenizer

from dpojob_trainer.inspection.model import ModelFiles, TokenizerConfig, read_json

from .templates import ChatTemplate, TemplateRenderError

MARK = "dpojob-answer"
TOKEN_NUMBERS = range(1 << 32)
"""The numbers that tokenizers can give a token."""


def end_tokens(
    files: ModelFiles, config: TokenizerConfig, tokenizer: Tokenizer | None
) -> list[str]:
    """The tokens at which generation stops.

    Args:
        files: The model's files.
        config: The tokenizer's settings.
        tokenizer: The tokenizer, where it could be loaded.

    Returns:
        The tokenizer's `eos_token` and those of generation_config.json and config.json.
    """
    found = [config.special.get("eos_token")]
    for name in ("generation_config.json", "config.json"):
        stated = (read_json(files, name) or {}).get("eos_token_id")
        numbers = stated if isinstance(stated, list) else [stated]
        found += [_token(number, config, tokenizer) for number in numbers]
    return list(dict.fromkeys(token for token in found if isinstance(token, str) and token))


def _token(number: object, config: TokenizerConfig, tokenizer: Tokenizer | None) -> str | None:
    if not isinstance(number, int) or number not in TOKEN_NUMBERS:
        return None
    added = config.settings.get("added_tokens_decoder")
    entry = added.get(str(number)) if isinstance(added, dict) else None
    if isinstance(entry, dict):
        return str(entry.get("content") or "")
    return None if tokenizer is None else tokenizer.id_to_token(number)


def ends_turns_with(template: ChatTemplate, ends: list[str]) -> bool:
    """Whether the chat template ends the assistant's turn with one of the tokens.

    Args:
        template: The chat template.
        ends: The tokens.

    Returns:
        False only where the rendered template shows none of them after the turn.
    """
    if not ends:
        return True
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": MARK}]
    try:
        text = template.render(messages)
    except TemplateRenderError:
        return True
    return MARK not in text or any(end in text.split(MARK)[-1] for end in ends)
