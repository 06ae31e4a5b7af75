"""The model's chat template: rendered by jinja as in transformers, or faster from its literals where exact.

`ChatTemplate` renders any conversation. `SegmentedTemplate` renders pairs of plain messages: it traces the
template once for each sequence of roles and then puts literals and contents together.
"""

from .chat_template import ChatTemplate, TemplateRenderError
from .template_segments import SegmentedTemplate, Texts, render_pair

__all__ = ["ChatTemplate", "SegmentedTemplate", "TemplateRenderError", "Texts", "render_pair"]
