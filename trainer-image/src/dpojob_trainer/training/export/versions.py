"""Versions of what a model was made with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("dpojob-trainer", "trl", "transformers", "peft", "datasets", "accelerate", "torch")


def versions() -> dict[str, str]:
    """Package to version, of those that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
