"""The YAML file of a task of the user's, for lm-evaluation-harness, on a claim.

The harness trusts such files: `!function` imports Python files, a metric that it does not know is downloaded
and run, and so is a decoding method. Where the installation runs no programs of users, a file may hold only
fields and values that are data. Templates are data as well: the trainer renders them in Jinja's sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dpojob_api.spec import REPO
from dpojob_trainer.shared.volume_paths import is_inside

MAX_BYTES = 1 << 20
MAX_INCLUDES = 8
"""The deepest chain of `include`."""
MAX_FILES = 64
"""The files of a task, with those that it includes."""
MAX_DATA_FILES = 1000
DATA_FIELDS = frozenset(
    [
        "task",
        "task_alias",
        "tag",
        "include",
        "dataset_path",
        "dataset_name",
        "dataset_kwargs",
        "training_split",
        "validation_split",
        "test_split",
        "fewshot_split",
        "doc_to_text",
        "doc_to_target",
        "doc_to_choice",
        "description",
        "target_delimiter",
        "fewshot_delimiter",
        "fewshot_config",
        "num_fewshot",
        "metric_list",
        "output_type",
        "generation_kwargs",
        "repeats",
        "filter_list",
        "should_decontaminate",
        "doc_to_decontamination_query",
        "gen_prefix",
        "metadata",
    ]
)
"""Fields of a task that can hold data alone."""
DATASET_FORMATS = frozenset({"json", "csv", "parquet", "text", "arrow"})
"""Formats of data files whose readers run no code that the files hold."""
DATASET_OPTIONS = frozenset({"data_files", "revision", "field", "sep", "delimiter", "column_names"})
GENERATION_OPTIONS = frozenset(
    [
        "until",
        "do_sample",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "typical_p",
        "num_beams",
        "repetition_penalty",
        "no_repeat_ngram_size",
        "length_penalty",
        "early_stopping",
        "max_gen_toks",
        "max_new_tokens",
        "max_length",
        "min_new_tokens",
    ]
)
METRICS = frozenset(
    [
        "acc",
        "acc_all",
        "acc_bytes",
        "acc_mutual_info",
        "acc_norm",
        "bits_per_byte",
        "bleu",
        "brier_score",
        "byte_perplexity",
        "chrf",
        "exact_match",
        "f1",
        "likelihood",
        "mcc",
        "perplexity",
        "ter",
        "word_perplexity",
    ]
)
"""Metrics that lm-eval has itself; any other name is downloaded from the hub and run."""
FILTERS = frozenset(
    [
        "format_span",
        "lowercase",
        "majority_vote",
        "map",
        "multi_choice_regex",
        "regex",
        "regex_pos",
        "remove_whitespace",
        "take_first",
        "take_first_k",
        "uppercase",
    ]
)
REPOSITORY = re.compile(REPO)
PATTERN_MARKS = ("*", "?", "[", "::")
"""What makes a path a pattern or a chain of addresses to the library that reads data files."""


class TaskFileError(Exception):
    """The file is no task that may be run; the message says why."""


def read_task_file(path: Path, root: Path, *, allow_code: bool) -> dict[str, Any]:
    """Read a task's file, with the files that it includes.

    Args:
        path: The file.
        root: Where its claim is mounted.
        allow_code: Whether the file may name code.

    Returns:
        The task's fields; functions are their names, and data files have absolute paths.

    Raises:
        TaskFileError: There is no such file, it leads out of the claim, it is no task, it names code
            where that is not allowed, or a data file is missing.
    """
    return read_with_includes(path, root, allow_code=allow_code)[0]


def read_with_includes(
    path: Path, root: Path, *, allow_code: bool
) -> tuple[dict[str, Any], list[Path]]:
    """Read a task's file as `read_task_file` does, and list the YAML files that it consists of.

    Args:
        path: The file.
        root: Where its claim is mounted.
        allow_code: Whether the file may name code.

    Returns:
        The task's fields; the file itself and those that it includes.

    Raises:
        TaskFileError: As `read_task_file`.
    """
    try:
        return _read_task(path, root.resolve(), allow_code)
    except (OSError, ValueError, RecursionError) as error:
        # Such as a path with NUL, too long or with half of a pair of surrogates, or an object that holds itself.
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise TaskFileError(f"{path.name} names no files that can be read: {reason}") from error


def _read_task(path: Path, root: Path, allow_code: bool) -> tuple[dict[str, Any], list[Path]]:
    read: list[Path] = []
    fields = _read(path, root, MAX_INCLUDES, allow_code, read)
    if "group" in fields or isinstance(fields.get("task"), list):
        raise TaskFileError(f"{path.name} is a group; name the file of each of its tasks")
    if not allow_code:
        _check_fields(fields)
    if "dataset_path" not in fields and "custom_dataset" not in fields and "class" not in fields:
        raise TaskFileError(f"{path.name} has no dataset_path")
    options = fields.get("dataset_kwargs")
    if isinstance(options, Mapping) and "data_files" in options:
        files = _data_files(options["data_files"], path.parent, root, [])
        fields["dataset_kwargs"] = {**options, "data_files": files}
    return fields, read


def _read(
    path: Path, root: Path, depth: int, allow_code: bool, files: list[Path]
) -> dict[str, Any]:
    """A file's fields with those that it includes. `files` takes each file that is read."""
    files.append(path)
    if len(files) > MAX_FILES:
        raise TaskFileError(f"{path.name}: more than {MAX_FILES} files are included")
    if not is_inside(root, path):
        raise TaskFileError(f"{path.name} is not on the claim")
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise TaskFileError(f"{path.name}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise TaskFileError(f"{path.name} is larger than 1 MiB")
    try:
        fields = yaml.load(content, Loader=_loader(allow_code))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "" if line is None else f", line {line + 1}"
        raise TaskFileError(f"{path.name}{place} is not YAML") from error
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise TaskFileError(f"{path.name} is no task: it holds no fields")
    included = fields.pop("include", None)
    names = included if isinstance(included, list) else [included] if included is not None else []
    merged: dict[str, Any] = {}
    for name in names:
        if depth == 0 or not isinstance(name, str):
            raise TaskFileError(f"{path.name}: include is nested too deeply or names no file")
        merged |= _read(path.parent / name, root, depth - 1, allow_code, files)
    return merged | fields


def _loader(allow_code: bool) -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        """Reads `!function` as the function's name."""

    def function(loader: yaml.SafeLoader, node: yaml.Node) -> str:
        if not allow_code:
            raise TaskFileError(
                "it runs code (!function), which this installation does not allow (chart value "
                "evaluation.allowPrograms)"
            )
        return str(node.value)

    Loader.add_constructor("!function", function)
    return Loader


def _check_fields(fields: Mapping[str, Any]) -> None:
    """Raise TaskFileError for what may run code."""
    _check_names("field", fields, DATA_FIELDS)
    path = fields.get("dataset_path")
    repository = isinstance(path, str) and "/" in path and REPOSITORY.fullmatch(path)
    known = repository or (isinstance(path, str) and path in DATASET_FORMATS)
    if path is not None and not known:
        raise TaskFileError(
            f"dataset_path {path!r} is neither a repository of the hub nor one of {', '.join(sorted(DATASET_FORMATS))}"
        )
    _check_names("option of dataset_kwargs", fields.get("dataset_kwargs"), DATASET_OPTIONS)
    _check_names("option of generation_kwargs", fields.get("generation_kwargs"), GENERATION_OPTIONS)
    for metric in _objects(fields.get("metric_list")):
        _check_names("metric", [metric.get("metric")], METRICS)
        if metric.get("hf_evaluate"):
            raise TaskFileError("hf_evaluate runs code from the hub, which is not allowed here")
    for pipeline in _objects(fields.get("filter_list")):
        _check_names(
            "filter", [step.get("function") for step in _objects(pipeline.get("filter"))], FILTERS
        )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise TaskFileError("metric_list and filter_list are lists of objects")
    return value


def _check_names(kind: str, names: Any, allowed: frozenset[str]) -> None:
    if names is None:
        return
    if not isinstance(names, Mapping | list):
        raise TaskFileError(f"{kind}: {names!r} is no object")
    for name in names:
        if not isinstance(name, str) or name not in allowed:
            raise TaskFileError(
                f"the {kind} {name!r} is not allowed where the installation runs no code of users (chart value "
                "evaluation.allowPrograms)"
            )


def _data_files(named: Any, directory: Path, root: Path, files: list[str]) -> Any:
    """The same with absolute paths, which `files` takes. Raises TaskFileError for one that is missing or not on the claim."""
    if isinstance(named, Mapping):
        return {key: _data_files(value, directory, root, files) for key, value in named.items()}
    if isinstance(named, list):
        return [_data_files(value, directory, root, files) for value in named]
    if len(files) == MAX_DATA_FILES:
        raise TaskFileError(f"data_files: there are more than {MAX_DATA_FILES}")
    path = directory / str(named)
    if "://" in str(named) or not is_inside(root, path):
        raise TaskFileError(f"data_files: {named} is not on the claim of the task's file")
    if not path.is_file():
        raise TaskFileError(f"data_files: there is no file {named} beside the task's file")
    resolved = str(path.resolve())
    # The library would take these as a pattern, and read what it matches now or later.
    if any(mark in resolved for mark in PATTERN_MARKS):
        raise TaskFileError(
            f"data_files: {named} has one of {' '.join(PATTERN_MARKS)} in its path; rename it"
        )
    files.append(resolved)
    return resolved
