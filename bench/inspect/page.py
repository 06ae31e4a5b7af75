"""docs/inspection-performance.md: one section for each command."""

from __future__ import annotations

from bench.pages import Page

HEAD = """# Performance of the inspection

Written by `bench/inspect`; do not edit. Each section holds what the command above it printed; [Inspect](inspect.md)
says what is inspected. Everything runs on CPU.

Rates are rows per second. The sides of a comparison run one after the other, and the best of the rounds counts, so
that other work on the machine weighs the same on all; their ratios are those of rows per second of processor time
("CPU"), of all threads, which other work changes least.
"""
PAGE = Page(
    HEAD, ("Tokens", "Start", "Structure and presets", "Memory", "Suspects of planted errors")
)
