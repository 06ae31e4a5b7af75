"""Reads chat templates and special tokens of the tokenizer, as transformers does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dpojob_trainer.shared.errors import ModelUnreadable

from .files import ModelFiles, read_json

TEMPLATE_FILE = "chat_template.jinja"
TEMPLATE_DIRECTORY = "additional_chat_templates/"
SPECIAL = (
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
)  # fmt: skip


@dataclass(frozen=True)
class TokenizerConfig:
    """Chat templates by name ("default" is the usual one) and special tokens by role."""

    templates: dict[str, str] = field(default_factory=dict)
    special: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def has_template(self) -> bool:
        """Whether conversations can be rendered."""
        return bool(self.templates)

    def template(self, tools: bool) -> str | None:
        """Choose the chat template.

        Args:
            tools: Whether the rows have tools.

        Returns:
            The template; None when there is none.
        """
        if tools and "tool_use" in self.templates:
            return self.templates["tool_use"]
        return self.templates.get("default")


def read_tokenizer_config(files: ModelFiles) -> TokenizerConfig:
    """Read tokenizer_config.json and the separate template files, which take precedence.

    Args:
        files: The model's files.

    Returns:
        The settings; empty where the model has none.

    Raises:
        InspectionError: A file is not valid JSON or UTF-8.
    """
    config = read_json(files, "tokenizer_config.json") or {}
    templates: dict[str, str] = {}
    inline = config.get("chat_template")
    if isinstance(inline, str):
        templates["default"] = inline
    elif isinstance(inline, list):
        for entry in inline:
            if isinstance(entry, dict) and isinstance(entry.get("template"), str):
                templates[str(entry.get("name", "default"))] = entry["template"]
    elif isinstance(inline, dict):
        templates.update({str(k): v for k, v in inline.items() if isinstance(v, str)})
    apart = files.read(TEMPLATE_FILE)
    if apart is not None:
        templates["default"] = _text(files, TEMPLATE_FILE, apart)
    for name in files.sizes():
        if name.startswith(TEMPLATE_DIRECTORY) and name.endswith(".jinja"):
            data = files.read(name)
            if data is not None:
                label = name.removeprefix(TEMPLATE_DIRECTORY).removesuffix(".jinja")
                templates[label] = _text(files, name, data)
    special = {key: _token(config[key]) for key in SPECIAL if config.get(key) is not None}
    return TokenizerConfig(templates, special, config)


def _token(value: Any) -> Any:
    return value.get("content") if isinstance(value, dict) else value


def _text(files: ModelFiles, name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ModelUnreadable(f"{name} of {files.source} is not UTF-8 text") from None
