"""The file that a mistyped path most likely stands for."""

from __future__ import annotations

from pathlib import Path

from dpojob_api.spelling import nearest


def did_you_mean_path(path: Path) -> str:
    """Suggests what lies where a path leads to nothing.

    Args:
        path: A path that does not exist.

    Returns:
        A clause that ends a sentence, such as "; did you mean examples/job.yaml?"; empty where nothing similar
        is there.
    """
    # The first part that does not exist is the one that was mistyped.
    rest: list[str] = []
    while not path.parent.is_dir() and path.parent != path:
        rest.insert(0, path.name)
        path = path.parent
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return ""
    near = nearest(path.name, names)
    return f"; did you mean {path.parent.joinpath(near, *rest)}?" if near else ""
