#!/usr/bin/env python3
"""Inspects the example rows of every problem code and writes docs/reference/problems.md.

Fails when a code has no example, or when an example does not have its problem. With `--check`, fails when
the page is stale. Not part of `make generate`: each example is inspected as a job's dataset is.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from generated_files import ROOT, write_or_check

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.make_demo_data import make_model

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect

EXAMPLES = ROOT / "docs/reference/problem-examples.yaml"
PAGE = ROOT / "docs/reference/problems.md"
WITHOUT_ROWS = {
    ProblemCode.NO_CHAT_TEMPLATE: "Use an instruction-tuned model, or add a chat template to its tokenizer.",
    ProblemCode.BASE_MODEL: "Start from an instruction-tuned model, or tune the base model with supervised fine-tuning first.",
    ProblemCode.UNUSABLE_JUDGE: "Name a sequence-classification model with one output and a tokenizer.",
    ProblemCode.UNUSABLE_PROMPTS: "Hold out more pairs, or name a JSON Lines file with more prompts, as the message says.",
    ProblemCode.UNUSABLE_TASK: "Write the name as lm-evaluation-harness has it, or correct the task's file as the message says.",
}
"""Codes that depend on the model alone, and what to do about each."""
HEAD = """# Problems of a dataset

<!-- Generated from problem-examples.yaml by `hack/generators/problems.py`. Do not edit. -->

Every code that an inspection may report, with a dataset that has the problem and what inspection says about
it. An error fails the job before a GPU is requested; a warning does not. Rows are numbered from 0.
"""


def main(arguments: list[str]) -> int:
    """Writes the page, or compares it.

    Args:
        arguments: The command line's arguments.

    Returns:
        The exit status.
    """
    with tempfile.TemporaryDirectory() as temporary:
        model = make_model(Path(temporary), teach_steps=0)
        page = HEAD + "".join(sections(yaml.safe_load(EXAMPLES.read_text()), model))
    return write_or_check({PAGE: page}, arguments, "hack/generators/problems.py")


def sections(examples: Mapping[str, Mapping[str, Any]], model: Path) -> Iterator[str]:
    """The page's sections, in the order of the codes.

    Args:
        examples: An example by the value of its code.
        model: Directory of the model that the examples' jobs would tune.

    Yields:
        One section.
    """
    for code in ProblemCode:
        if code in WITHOUT_ROWS:
            yield f"\n## {code}\n\nWarning; of the job as a whole, not of a row.\n\n{WITHOUT_ROWS[code]}\n"
            continue
        if code not in examples:
            sys.exit(f"{EXAMPLES}: {code} has no example")
        example = examples[code]
        problem = found_problem(code, example, model)
        yield (
            f"\n## {code}\n\n{problem.severity.capitalize()}.\n\n{shown_dataset(example)}\n"
            f"> {problem.message}\n\n{example['remedy']}\n"
        )


def found_problem(code: ProblemCode, example: Mapping[str, Any], model: Path) -> Problem:
    """Inspects an example.

    Args:
        code: The code that its report must have.
        example: Its rows, and what else its job says.
        model: Directory of the model that its job would tune.

    Returns:
        The problem.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, rows in files(example).items():
            path = root / "pairs" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        place = {"claimName": "data", "path": "pairs"}
        spec = DPOJobSpec.model_validate(
            {
                "model": {"volume": {"claimName": "model"}},
                "dataset": {"volume": place, **example.get("dataset", {})},
                "training": example.get("training", {}),
            }
        )
        report = inspect(spec, {"data": root, "model": model})
    problems = [problem for problem in report.problems if problem.code == code]
    if not problems:
        found = [str(problem.code) for problem in report.problems]
        sys.exit(f"{EXAMPLES}: the example of {code} has {found or 'no problem'}")
    return problems[0]


def files(example: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The files of an example's dataset.

    Args:
        example: The example.

    Returns:
        Rows by the name of their file, with numbers in place of `{n}`.
    """
    times = example.get("times")
    rows = example["rows"]
    if times is not None:
        rows = [numbered(row, number) for number in range(times) for row in rows]
    return {example.get("file", "train.jsonl"): rows, **example.get("others", {})}


def numbered(row: Mapping[str, str], number: int) -> dict[str, str]:
    """A row whose texts name its number.

    Args:
        row: The row as the example has it.
        number: The number.

    Returns:
        The row with the number in place of `{n}`.
    """
    return {column: text.replace("{n}", str(number)) for column, text in row.items()}


def shown_dataset(example: Mapping[str, Any]) -> str:
    """What the page shows of an example.

    Args:
        example: The example.

    Returns:
        Code blocks of its files, and of the job's fields that matter.
    """
    blocks = []
    for name, rows in files(example).items():
        shown = rows if len(rows) <= 4 else rows[:2]
        lines = [json.dumps(row, ensure_ascii=False) for row in shown]
        if len(rows) > len(shown):
            lines.append(f"… ({len(rows)} rows)")
        body = "\n".join(lines) or "(no row)"
        blocks.append(f"`{name}`:\n\n```json\n{body}\n```\n")
    settings = {key: example[key] for key in ("dataset", "training") if key in example}
    if settings:
        text = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None)
        blocks.append(f"In `spec`:\n\n```yaml\n{text}```\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
