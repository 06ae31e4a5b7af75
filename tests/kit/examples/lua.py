"""Lua 5.1, the version that Argo CD runs, with what Argo CD's sandbox leaves of its libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

SANDBOX = [
    "ipairs",
    "pairs",
    "next",
    "type",
    "tostring",
    "tonumber",
    "error",
    "assert",
    "select",
    "unpack",
    "table",
]
"""Argo CD opens the base and the table library; `resource.customizations.useOpenLibs` is false."""
TO_JSON = r"""
local function to_json(value)
  if type(value) == "table" then
    local parts = {}
    if #value > 0 then
      for _, item in ipairs(value) do parts[#parts + 1] = to_json(item) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    for key, item in pairs(value) do
      parts[#parts + 1] = to_json(key) .. ":" .. to_json(item)
    end
    return "{" .. table.concat(parts, ",") .. "}"
  elseif type(value) == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
  end
  return tostring(value)
end
"""


def run(script: Path, objects: Sequence[dict[str, Any]]) -> list[Any]:
    """What a script of Argo CD returns for each object, in one process of Lua.

    An empty mapping and an empty list are the same in Lua, as in Argo CD; both come back as a mapping.
    """
    interpreter = shutil.which("lua5.1")
    assert interpreter, "lua5.1 is missing: run hack/testing/packages"
    calls = "\n".join(f"results[{i}] = run({_literal(o)})" for i, o in enumerate(objects, 1))
    environment = ", ".join(f"{name} = {name}" for name in SANDBOX)
    program = f"""{TO_JSON}
local chunk = assert(loadfile({_literal(str(script))}))
local function run(obj)
  setfenv(chunk, {{obj = obj, {environment}}})
  return chunk()
end
local results = {{}}
{calls}
for _, result in ipairs(results) do print(to_json(result)) end
"""
    done = subprocess.run([interpreter, "-"], input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def load(path: Path) -> dict[str, Any]:
    """A YAML file with one document."""
    return dict(yaml.safe_load(path.read_text()))


def _literal(value: Any) -> str:
    """A value as a Lua expression; a null is a field that is not there."""
    if isinstance(value, dict):
        items = (f"[{_literal(k)}]={_literal(v)}" for k, v in value.items() if v is not None)
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "{" + ",".join(map(_literal, value)) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return json.dumps(value)
