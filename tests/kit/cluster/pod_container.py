"""What the kubelet gives a container from its pod's manifest: input files and variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
ANNOTATION = re.compile(r"metadata\.annotations\['(.+)'\]")

Pod = Mapping[str, Any]


def input_files(pod: Pod) -> dict[str, str]:
    """The files of the pod's (or the pod template's) downwardAPI volumes, by name."""
    annotations = pod["metadata"].get("annotations") or {}
    files: dict[str, str] = {}
    for volume in pod["spec"].get("volumes") or []:
        for item in (volume.get("downwardAPI") or {}).get("items") or []:
            found = ANNOTATION.fullmatch(item["fieldRef"]["fieldPath"])
            assert found is not None, item
            files[item["path"]] = annotations[found[1]]
    return files


def input_documents(pod: Pod) -> dict[str, Any]:
    """The same files, parsed."""
    return {name: json.loads(text) for name, text in input_files(pod).items()}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces `$(NAME)` and `$$` as the kubelet does in env, args and command.

    After k8s.io/kubernetes, third_party/forked/golang/expansion/expand.go: a name that is not a variable
    stays as it is.
    """

    def replace(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return REFERENCE.sub(replace, text)


def variables(pod: Pod, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The environment of the pod's container, with the Secrets' values."""
    (container,) = pod["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix", "")
        found |= {f"{prefix}{k}": v for k, v in secrets[source["secretRef"]["name"]].items()}
    for entry in container.get("env") or []:
        if "value" in entry:
            found[entry["name"]] = expand(entry["value"], found)
        else:
            reference = entry["valueFrom"]["secretKeyRef"]
            found[entry["name"]] = secrets[reference["name"]][reference["key"]]
    return found


def command(pod: Pod, secrets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The command line of the pod's container."""
    (container,) = pod["spec"]["containers"]
    known = variables(pod, secrets)
    written = (*container.get("command", ()), *container.get("args", ()))
    return [expand(argument, known) for argument in written]


def secret_names(pod: Pod) -> set[str]:
    """The Secrets from which the pod's container gets variables."""
    (container,) = pod["spec"]["containers"]
    sources = [source.get("secretRef") for source in container.get("envFrom") or []]
    values = [entry.get("valueFrom") or {} for entry in container.get("env") or []]
    sources += [value.get("secretKeyRef") for value in values]
    return {source["name"] for source in sources if source is not None}


def written_texts(pod: Pod, secrets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What the pod's manifest writes as variables and command line, as the kubelet expands it.

    A Secret's value is in one of these texts only where the manifest itself refers to it by `$(NAME)`.
    """
    (container,) = pod["spec"]["containers"]
    known = variables(pod, secrets)
    written = [entry["name"] for entry in container.get("env") or [] if "value" in entry]
    return [*(known[name] for name in written), *command(pod, secrets)]


def mount(pod: Pod, root: Path, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Mounts the pod's volumes below `root`, at their paths; returns the environment with those paths.

    Claims are directories of `root` with the claim's mount path, which may exist already.
    """
    (container,) = pod["spec"]["containers"]
    places = {m["name"]: root / m["mountPath"].lstrip("/") for m in container["volumeMounts"]}
    paths = {m["mountPath"]: str(places[m["name"]]) for m in container["volumeMounts"]}
    for directory in places.values():
        directory.mkdir(parents=True, exist_ok=True)

    def placed(path: str) -> str:
        within = [at for at in paths if path == at or path.startswith(f"{at}/")]
        return paths[within[0]] + path[len(within[0]) :] if within else path

    for name, text in input_files(pod).items():
        if name == "volumes.json":
            text = json.dumps({claim: placed(at) for claim, at in json.loads(text).items()})
        (places["inputs"] / name).write_text(text, encoding="utf-8")
    return {name: placed(value) for name, value in variables(pod, secrets).items()}
