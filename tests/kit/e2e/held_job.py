"""A job whose training pod runs until a test lets it end, however fast the machine is."""

import json

ROWS = 800
"""Pairs of the demo that the job trains on, in fewer steps than the demo takes."""
PROMPTS = 20
"""The fewest that an evaluation asks."""
VALUES = {"evaluation": {"allowPrograms": True}}
"""The values of the chart, which allow the judge to be a program."""
WAITING_JUDGE = """\
import pathlib
import sys
import time

while not pathlib.Path(__file__).with_name("allowed").exists():
    time.sleep(0.2)
for line in sys.stdin:
    print(len(line))
"""
"""A program of the user that judges answers once the file `allowed` lies beside it."""


class HeldJob:
    """A quickstart of its own name over few pairs, whose judge waits."""

    def __init__(self, installed, inputs, quickstart, name):
        self.namespace, claim = inputs
        self.name, self.kubectl = name, installed.kubectl
        self._installed, self._folder = installed, claim / name
        self._folder.mkdir()
        pairs = (claim / "data/train.jsonl").read_text().splitlines(keepends=True)
        (self._folder / "pairs.jsonl").write_text("".join(pairs[:ROWS]))
        prompts = [{"prompt": f"How do I clean kettle number {n}?"} for n in range(PROMPTS)]
        (self._folder / "prompts.jsonl").write_text("".join(f"{json.dumps(p)}\n" for p in prompts))
        (self._folder / "waits.py").write_text(WAITING_JUDGE)
        self._manifest = quickstart
        quickstart["metadata"]["name"] = name
        quickstart["spec"]["dataset"]["volume"]["path"] = f"{name}/pairs.jsonl"
        quickstart["spec"]["evaluation"] = {
            "judge": {"program": {"volume": self._file("waits.py")}},
            "prompts": {"fromEval": False, "volume": self._file("prompts.jsonl"), "max": PROMPTS},
        }

    def _file(self, file):
        return {"claimName": "quickstart", "path": f"{self.name}/{file}"}

    def create(self):
        """Applies it."""
        manifest = json.dumps(self._manifest)
        self.kubectl("apply", "-n", self.namespace, "-f", "-", input=manifest)

    def let_it_end(self):
        """Lets its judge go on."""
        (self._folder / "allowed").touch()

    def read(self):
        """The DPOJob as it is now."""
        return self._installed.job(self.namespace, self.name)

    def status(self):
        """Its status; empty where it has none yet."""
        return self.read().get("status") or {}

    def step(self):
        """The optimizer steps that the operator has read of."""
        return (self.status().get("progress") or {}).get("step") or 0

    def pod(self):
        """The only training pod there ever was."""
        uid = self.read()["metadata"]["uid"]
        (pod,) = json.loads(
            self.kubectl(
                "get", "pods", "-n", self.namespace, "-o", "json",
                "-l", f"dpojob.dev/uid={uid},dpojob.dev/stage=train",
            )
        )["items"]  # fmt: skip
        return pod
