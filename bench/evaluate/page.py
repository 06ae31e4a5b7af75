"""docs/evaluation-statistics.md: one section for each command."""

from __future__ import annotations

from bench.pages import Page

HEAD = """# Statistics of the evaluation

Written by `bench/evaluate`; do not edit. Each section holds what the command above it printed;
[Train](train.md#is-it-better) says how a model is evaluated. Everything runs on CPU, with the demo's tiny model, TRL and
the trainer's own code for training, answers, judge and intervals.
"""
PAGE = Page(HEAD, ("Random labels",))
