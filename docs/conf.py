"""The documentation as a site, built by Sphinx: `hack/build-docs`, part of `make check`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

project = "DPOJob"
copyright = "the authors of DPOJob"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "DPOJob"
html_show_sphinx = False
html_copy_source = False
myst_heading_anchors = 3
# Blocks leave output out with "…", which the lexers of JSON and YAML do not know.
suppress_warnings = ["misc.highlighting_failure"]

OUTSIDE = {
    "ARCHITECTURE.md": "contributing/architecture",
    "CONTRIBUTING.md": "contributing/contributing",
    "CHANGELOG.md": "contributing/changes",
    "SECURITY.md": "platform/report-vulnerability",
    "charts/dpojob/README.md": "reference/chart",
}
"""Pages whose text lies outside docs/; the page in docs/ only includes it."""
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def rewrite_links(text: str, source: Path, page: str) -> str:
    """Rewrites links between files of the repository into links between pages of the site.

    A link to a file that is no page, such as a module, becomes its path as code.

    Args:
        text: Markdown.
        source: The file that holds the text, by which its links are relative.
        page: The page that shows it, without suffix, relative to docs/.

    Returns:
        The text with its links rewritten.

    Raises:
        FileNotFoundError: A link names no file of the repository.
    """

    def rewritten(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = (source.parent / target).resolve()
        if not path.exists():
            raise FileNotFoundError(
                f"{source.relative_to(ROOT)} links to {target}, which does not exist"
            )
        name = path.relative_to(ROOT).as_posix()
        if name in OUTSIDE:
            linked = DOCS / f"{OUTSIDE[name]}.md"
        elif name == "README.md":
            linked = DOCS / "index.md"
        elif path.suffix == ".md" and path.is_relative_to(DOCS):
            linked = path
        else:
            return f"`{name}`" if label.strip("`") == name else f"{label} (`{name}`)"
        return f"[{label}]({os.path.relpath(linked, (DOCS / page).parent)}{anchor})"

    return LINK.sub(rewritten, text)


def read_page(app: Sphinx, page: str, content: list[str]) -> None:
    """Puts the text of a file outside docs/ in place of the page that names it, and rewrites links."""
    outside = {linked: name for name, linked in OUTSIDE.items()}
    source = ROOT / outside[page] if page in outside else DOCS / f"{page}.md"
    text = source.read_text() if page in outside else content[0]
    content[0] = rewrite_links(text, source, page)


def setup(app: Sphinx) -> None:
    """Registers the rewriting of pages with Sphinx."""
    app.connect("source-read", read_page)
