"""The YAML files of the command line: a manifest, or a CommandError that names what is wrong."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.kit.repository import ROOT

from dpojob.errors import CommandError
from dpojob.input_files.yaml_loader import read_manifest

from .scratch import scratch

TOKENS = (
    "apiVersion: dpojob.dev/v1alpha1\n", "kind: DPOJob\n", "kind: GPUPool\n", "spec:\n", "  dataset:\n", "---\n",
    "&a ", "*a", "<<: ", "!!binary ", "!!set ", "!!python/object:", "? ", "- ", ": ", "|\n", ">-\n", "0x1f", "1e400",
    ".nan", "2020-01-01", "~", "\t", "%YAML 1.1\n", "'", '"\\u', "{", "[", "  model: {repo: a/b}\n",
)  # fmt: skip


def _check(data: bytes) -> None:
    path = scratch("job.yaml")
    path.write_bytes(data)
    try:
        manifest = read_manifest(str(path))
    except CommandError as error:
        assert str(error)
        return
    if manifest.job is not None:
        manifest.job.spec.wire_json()
    for pool in manifest.pools:
        pool.wire_json()


def _seeds() -> tuple[bytes, ...]:
    pool = b"apiVersion: dpojob.dev/v1alpha1\nkind: GPUPool\nmetadata: {name: t4}\nspec:\n  gpu: {model: T4, memoryGiB: 16}\n"
    texts = [(ROOT / "examples/quickstart.yaml").read_bytes(), pool]
    texts += [b"a: &a [1, 0x1f, 5e-6, 2020-01-01]\nb: *a\n", b"? {a: !!binary aGk=}\n: |\n  x\n"]
    return tuple(text[:4096] for text in texts)  # fmt: skip


TARGET = Target("manifest", _check, _seeds(), TOKENS)
