"""What people write where a mapping, a list or a number is expected, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dpojob_api.quantity import MONEY_PATTERN
from dpojob_api.spec import REPO
from dpojob_api.value_display import flow_yaml

from .cel_rules import Path

NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10,
}  # fmt: skip
THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
BINARY_KILO = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s?k")
PERCENT = re.compile(r"(\d{1,2}(?:\.\d+)?)\s?%")
UNIT = re.compile(r"(?<=[\d.,k])\s*(?:tokens?|epochs?|steps?|pairs?|gpus?|nodes?|gib?|gb)$")
"""A unit behind a number, of a field that has one unit only."""
FILE_NAME = re.compile(r"\.(?:jsonl?|csv|tsv|parquet|arrow)(?:\.(?:gz|bz2|xz|zst))?$|^\.{0,2}/")
"""What is rather a path than a repository's name: a data file, or a path that begins with `/`, `./` or `../`."""
CLAIM_SCHEME = "pvc://"
"""The scheme by which Kubeflow and KServe name a place on a PersistentVolumeClaim: pvc://CLAIM/PATH."""
CLAIM_ADDRESS = re.compile(rf"{CLAIM_SCHEME}(?P<claimName>[^/\s]+)/*(?P<path>.*)")
S3_ADDRESS = re.compile(r"s3://(?P<bucket>[^/\s]+)/*(?P<prefix>.*)")
HUB_ADDRESS = re.compile(
    rf"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)|hf:/)/(?:datasets/|models/)?"
    rf"(?P<repo>{REPO.strip('^$')})/?(?:/(?:tree|blob|viewer|discussions)\b.*|[?#].*)?"
)
"""A repository's page in the browser, or its address for fsspec; the address that a file is downloaded from does not match."""
REVISION = re.compile(rf"(?P<repo>{REPO.strip('^$')})[@:](?P<revision>[\w./-]+)")
"""A repository with a branch, tag or commit, as pip, Docker or Ollama write one."""

BOUNDS: Mapping[str, str] = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
"""Pydantic's error type of a bound, in words."""
ODD_CHARACTERS: Mapping[str, str] = {
    "\u00a0": "indent with plain spaces: its no-break space (U+00A0), as of a web page, is a letter to YAML",
    "\uff1a": "write a plain colon: its wide one (U+FF1A) is a letter to YAML",
}
"""Character of a name to what to write instead."""

MEANT_BY_TEXT: Mapping[str, str] = {
    "cache.volume": "claimName",
    "dataset.eval": "split",
    "dataset.volume": "claimName",
    "environmentSecret": "name",
    "evaluation.judge.rewardModel": "repo",
    "evaluation.tasks": "name",
    "gpu": "model",
    "hardware": "pool",
    "hubTokenSecret": "name",
    "model.fromJob": "name",
    "model.volume": "claimName",
    "output.volume": "claimName",
}
"""Path of a mapping to the field that a text in its place stands for."""
MEANT_BY_NUMBER: Mapping[str, str] = {
    "dataset.eval": "fraction",
    "hardware": "gpus",
    "training.earlyStopping": "patience",
    "training.lora": "r",
}
"""The same for a number."""


def volume_of_address(address: str) -> dict[str, str] | None:
    """Read the address of a place on a claim.

    Args:
        address: Such as "pvc://data/train.jsonl".

    Returns:
        `claimName` and, where there is one, `path` of a volume; None where it is no such address.
    """
    place = CLAIM_ADDRESS.fullmatch(address)
    return None if place is None else _filled(place)


def mapping_instead_of(path: Path, value: Any) -> str | None:
    """Write the mapping that a plain value stands for.

    Args:
        path: Place of the value in the document, such as ("spec", "model").
        value: What was written there.

    Returns:
        What to write, such as "write {repo: Qwen/Qwen2.5-1.5B}"; None where nothing is known.
    """
    field = ".".join(part for part in path[1:] if isinstance(part, str))
    if isinstance(value, list):
        return _instead_of_list(field, value)
    if field == "training.earlyStopping" and value is True:
        return "write {patience: 3}"
    if field == "training.lora" and value is True:
        return "write method: lora in training; lora holds the adapter's shape"
    if isinstance(value, bool):
        return None
    if field == "budget" and isinstance(value, int | float | str):
        amount = _without_commas(re.sub(r"[^\d.,]", "", str(value)), whole=False)
        return f'write {{maxCost: "{amount}"}}' if re.fullmatch(MONEY_PATTERN, amount) else None
    if isinstance(value, str):
        return _instead_of_text(field, value.strip())
    if isinstance(value, int | float) and (inner := MEANT_BY_NUMBER.get(field)) is not None:
        return f"write {flow_yaml({inner: value})}"
    return None


def _instead_of_list(field: str, value: list[Any]) -> str | None:
    if len(value) == 1 and isinstance(value[0], Mapping):
        return "write its fields without the dash, since it is one mapping and no list"
    if field == "samples":
        return "write {prompts: [...]}"
    texts = all(isinstance(each, str) for each in value)
    if field == "dataset.columnMapping" and texts and len(value) == 3:
        roles = dict(zip(("prompt", "chosen", "rejected"), value, strict=True))
        return f"write {flow_yaml(roles)}, each role with the name of its column"
    if field == "dataset" and len(value) > 1:
        return "a job has one dataset: put the rows into one, or train in turn, with model.fromJob"
    return None


def _instead_of_text(field: str, text: str) -> str | None:
    if field in ("model", "dataset"):
        return _instead_of_source(field, text)
    if field == "output":
        return _instead_of_output(text)
    if field == "samples":
        return f"write {flow_yaml({'prompts': [text]})}"
    if field == "hubTokenSecret" and text.startswith("hf_"):
        return "put the token into a Secret, and write {name: SECRET}"
    if field == "cache":
        return f"write {flow_yaml({'volume': {'claimName': text}})}"
    if field == "output.s3" and (place := S3_ADDRESS.fullmatch(text)) is not None:
        return f"write {flow_yaml(_filled(place))}"
    if field == "evaluation.judge":
        judge = (
            {"rewardModel": {"repo": text}}
            if "/" in text
            else {"endpoint": {"url": "ADDRESS", "model": text}}
        )
        return f"write {flow_yaml(judge)}"
    if field == "dataset.eval" and (share := PERCENT.fullmatch(text)) is not None:
        return f"write {flow_yaml({'fraction': float(share[1]) / 100})}"
    if (inner := MEANT_BY_TEXT.get(field)) is None:
        return None
    if inner == "claimName" and (volume := volume_of_address(text)) is not None:
        return f"write {flow_yaml(volume)}"
    return f"write {flow_yaml({inner: text})}"


def _instead_of_source(field: str, text: str) -> str | None:
    """What to write instead of a text as `model` or `dataset`."""
    if (page := HUB_ADDRESS.fullmatch(text)) is not None:
        return f"write {{repo: {page['repo']}}}"
    if re.match(r"https?://", text):
        return f"write {{urls: [{text}]}}" if field == "dataset" else None
    if (volume := volume_of_address(text)) is not None:
        return f"write {flow_yaml({'volume': volume})}"
    if S3_ADDRESS.fullmatch(text):
        return "copy it to a claim, and write {volume: {claimName: CLAIM, path: PATH}}"
    if FILE_NAME.search(text):
        return f"write {{volume: {{claimName: CLAIM, path: {text.lstrip('./')}}}}}, with the claim it is on"
    if (named := REVISION.fullmatch(text)) is not None:
        return f"write {{repo: {named['repo']}, revision: {named['revision']}}}"
    return f"write {{repo: {text}}}" if re.fullmatch(REPO, text) else None


def _instead_of_output(text: str) -> str:
    if (address := volume_of_address(text)) is not None:
        return f"write {flow_yaml({'volume': address})}"
    if (place := S3_ADDRESS.fullmatch(text)) is not None:
        return f"write {flow_yaml({'s3': _filled(place)})}"
    if text.startswith(("/", "./", "../")):
        return f"write {{volume: {{claimName: CLAIM, path: {text.lstrip('./')}}}}}, with the claim it is to be on"
    claim, separator, path = text.partition("/")
    volume = f"claimName: {claim}, path: {path}" if separator else f"claimName: {claim}"
    return f"write {{volume: {{{volume}}}}}, or {{push: {text}}} to upload it"


def _filled(place: re.Match[str]) -> dict[str, str]:
    """The parts of an address that are not empty."""
    return {name: part for name, part in place.groupdict().items() if part}


def repository_instead_of(text: str) -> str | None:
    """Write the name of the repository that an address or a name with a revision stands for.

    Args:
        text: What was written as a repository.

    Returns:
        What to write, such as "write org/pairs"; None where nothing is known.
    """
    if (page := HUB_ADDRESS.fullmatch(f"hf://{text}") or HUB_ADDRESS.fullmatch(text)) is not None:
        return f"write {page['repo']}"
    if FILE_NAME.search(text):
        return f"a path is on a claim: write volume: {{claimName: CLAIM, path: {text.lstrip('./')}}} instead of repo"
    if (named := REVISION.fullmatch(text)) is not None:
        return f"write {named['repo']}, and revision: {named['revision']} beside it"
    return None


def bound_and_advice(kind: str, limit: float, value: Any) -> str:
    """Write what a bound asks of a number, with the share that a percentage stands for.

    Args:
        kind: Pydantic's error type, such as "less_than_equal".
        limit: The bound.
        value: The number that was written.

    Returns:
        Such as "at most 0.5: write 0.05 for 5%".
    """
    share = isinstance(value, int | float) and kind.startswith("less") and 1 <= value <= 100 * limit
    advice = f": write {value / 100:g} for {value:g}%" if share and limit <= 1 else ""
    return f"{BOUNDS[kind]} {limit:g}{advice}"


def advice_on_characters(name: str, value: Any) -> str | None:
    """Say what is wrong with the characters of a name, or write the nested mappings that its dots stand for.

    Args:
        name: The name of an unknown field.
        value: What was written there.

    Returns:
        What to write, such as "write model: {repo: org/model}"; None for a name of letters.
    """
    for character, advice in ODD_CHARACTERS.items():
        if character in name:
            return advice
    if "." not in name:
        return None
    first, *rest = name.split(".")
    for part in reversed(rest):
        value = {part: value}
    return f"a dot leads to no field inside: write {first}: {flow_yaml(value)}"


def list_instead_of(path: Path, value: Any) -> str | None:
    """Write the list that a single value stands for.

    Args:
        path: Place of the value in the document.
        value: What was written where a list is expected.

    Returns:
        What to write, such as "write [https://example.com/a.jsonl]"; None where nothing is known.
    """
    if isinstance(value, str) and value:
        inner = MEANT_BY_TEXT.get(".".join(map(str, path[1:])))
        return f"write {flow_yaml([{inner: value} if inner else value])}"
    return None


def number_instead_of(kind: str, value: str) -> str | None:
    """Write the number that a text stands for.

    Args:
        kind: Pydantic's error type of the field, such as "int_type".
        value: The text that was written.

    Returns:
        What to write, such as "write 1024"; None where nothing is known.
    """
    whole = kind != "float_type"
    text = UNIT.sub("", value.strip().lower())
    text = _without_commas(text, whole=whole).replace("_", "")
    if text in NUMBERS:
        return f"write {NUMBERS[text]}"
    if (found := BINARY_KILO.fullmatch(text)) is not None:
        size = float(found[1]) * 1024
        return f"write {int(size)}" if size.is_integer() else None
    if not whole and (found := PERCENT.fullmatch(text)) is not None:
        return f"write {float(found[1]) / 100:g}"
    try:
        number = float(text)
    except ValueError:
        return None
    bare = "" if UNIT.search(value.lower()) else ", without quotes"
    if whole:
        return f"write {int(number)}{bare}" if number.is_integer() else None
    return f"write {text}{bare}"


def _without_commas(text: str, *, whole: bool) -> str:
    """The text without commas between thousands in a whole number, and with points for other commas."""
    if whole and THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return text.replace(",", ".")
