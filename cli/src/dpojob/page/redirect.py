"""The page by which a browser signs in: it leads on at once."""

from __future__ import annotations


def redirect_page(address: str) -> str:
    """Writes a page that leads to another.

    Args:
        address: Where it leads; without characters that have a meaning in HTML.

    Returns:
        HTML without a script.
    """
    return (
        '<!doctype html><meta charset="utf-8"><title>DPOJobs</title>'
        '<meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">DPOJobs</a>\n'
    )
