"""The quickstart on a real cluster, from nothing: `python hack/demo.py` (`make demo`).

Makes the cluster, the images, a tiny chat model and preference pairs; installs the chart; applies
examples/quickstart.yaml; follows it; and shows the result. Every step can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import images
from cluster_tools import CONTEXT, ROOT, Kubectl, PVCPod, devcluster, log, run
from rich.console import Console
from rich.table import Table

from devcluster.host.locks import locked

SYSTEM = "dpojob-system"
NAMESPACE = "dpojob-demo"
JOB = "quickstart"
POOL = "t4-small"
CPU_TERAFLOPS = 0.06
"""An assumed fp32 rate of two cores; the rate measured in the first steps replaces it."""
STEPS = ("cluster", "images", "chart", "GPU", "model and pairs", "job", "result")
"""What the demo does, in order, as its progress names it."""
console = Console(highlight=False)

NAMESPACE_MANIFEST = """
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
"""
PVC_MANIFEST = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
"""


def helm() -> list[str]:
    """Helm's command line for the demo's cluster."""
    if CONTEXT:
        return ["helm", "--kube-context", CONTEXT]
    return [devcluster("bin", "helm").strip(), "--kubeconfig", devcluster("kubeconfig").strip()]


def begin(step: str) -> None:
    """One line of progress: the step that begins, and those that are left."""
    number = STEPS.index(step)
    left = ", ".join(STEPS[number + 1 :])
    log(f"step {number + 1} of {len(STEPS)}: {step}" + (f"; then {left}" if left else ""))


def install() -> None:
    """The chart, as the README says, with resource requests that fit a small machine."""
    run(
        *helm(), "upgrade", "--install", "dpojob", "charts/dpojob", "--namespace", SYSTEM,
        "--create-namespace", "--values", "examples/demo-values.yaml", "--values", "-",
        # An earlier demo may have applied the CRDs with kubectl.
        "--take-ownership", "--wait", "--timeout", "5m", input=images.chart_values(),
    )  # fmt: skip


def add_fake_gpu(kubectl: Kubectl) -> None:
    """Adds one fake GPU of the smallest pool to the only node, and describes it as a CPU in the pool."""
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    pool = json.loads(kubectl("get", "gpupool", POOL, "-o", "json"))
    labels = [f"{key}={value}" for key, value in pool["spec"].get("nodeSelector", {}).items()]
    if labels:
        kubectl("label", "node", node, "--overwrite", *labels)
    # Otherwise training ends with GPUNotUsable, and the plan counts on a T4's speed.
    processor = {"model": "CPU", "teraflops": CPU_TERAFLOPS}
    patch = json.dumps({"spec": {"gpu": processor}})
    kubectl("patch", "gpupool", POOL, "--type", "merge", "-p", patch)
    devcluster("fake-gpu", node, "--count", "1")


def demo_data() -> Path:
    """A directory with model/ and data/train.jsonl; made once per version of the script that makes it."""
    maker = ROOT / "examples/make_demo_data.py"
    version = hashlib.sha256(maker.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dpojob"
    made = cache / f"demo-data-{version}"
    with locked(cache / "demo-data.lock", "it makes the demo's model and pairs"):
        if not made.exists():
            log("making a tiny chat model and 3,000 preference pairs (half a minute)")
            with tempfile.TemporaryDirectory(dir=cache) as fresh:
                run(sys.executable, str(maker), fresh)
                Path(fresh).rename(made)
                Path(fresh).mkdir()  # the context manager removes it
    return made


def put_inputs(kubectl: Kubectl, namespace: str, image: str, data: Path) -> None:
    """Creates the namespace and the PVC with the model and the pairs of a directory."""
    kubectl.apply(NAMESPACE_MANIFEST.format(name=namespace))
    kubectl.apply(PVC_MANIFEST.format(name=JOB, namespace=namespace))
    with PVCPod(kubectl, namespace, JOB, image) as claim:
        claim.write(data)


def job(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """The DPOJob as it is now."""
    return dict(json.loads(kubectl("get", "dpojob", JOB, "-n", namespace, "-o", "json")))


def follow(namespace: str) -> None:
    """`dpojob status --watch`: the live progress bar, until the job ends."""
    environment = {} if CONTEXT else {"KUBECONFIG": devcluster("kubeconfig").strip()}
    path = "" if CONTEXT else str(Path(devcluster("bin", "kubectl").strip()).parent)
    subprocess.run(
        [Path(sys.executable).parent / "dpojob", "status", JOB, "-n", namespace, "--watch"],
        env={**os.environ, **environment, "PATH": f"{path}:{os.environ['PATH']}"},
        check=False,
    )


def show(kubectl: Kubectl, namespace: str, image: str) -> bool:
    """Prints the result; whether it is what the README promises."""
    done = job(kubectl, namespace)
    status = done["status"]
    print()
    print(kubectl("get", "dpo", JOB, "-n", namespace))
    table = Table("condition", "status", "reason", "message", title="Conditions")
    for condition in status["conditions"]:
        table.add_row(
            condition["type"],
            condition["status"],
            condition["reason"],
            condition.get("message", ""),
        )
    console.print(table)
    plan = status.get("plan")
    if plan:
        console.print("[bold]Plan[/]")
        for reason in plan["reasons"]:
            console.print(f"  - {reason}")
    if not any(c["type"] == "Complete" and c["status"] == "True" for c in status["conditions"]):
        return False
    artifacts = status["artifacts"]
    where = f"{path}/" if (path := artifacts.get("path")) else ""
    with PVCPod(kubectl, namespace, artifacts["claimName"], image) as claim:
        text = claim.read(where + "metrics.jsonl").decode()
    rows = [json.loads(line) for line in text.splitlines()]
    margins = [(row["step"], row["rewards/margins"]) for row in rows if "rewards/margins" in row]
    console.print("[bold]Reward margin[/] " + spark([margin for _, margin in margins]))
    console.print(
        f"  {margins[0][1]:.3f} at step {margins[0][0]} -> {margins[-1][1]:.3f} at step {margins[-1][0]}"
    )
    accuracy = status["progress"].get("evalAccuracy", 0.0)
    console.print(f"  held-out reward accuracy: {accuracy:.3f} (0.5 is chance)")
    for sample in status.get("samples", []):
        console.print(f"[bold]Q[/] {sample['prompt']}")
        console.print(f"  before: {sample.get('before')}\n  after:  {sample.get('after')}")
    console.print(f"[bold]Model[/]  claim {artifacts['claimName']}, /{where}")
    console.print(f"[bold]Report[/] claim {artifacts['claimName']}, /{where}report.html")
    if directory := claim_directory(namespace, artifacts["claimName"]):
        console.print(f"         on this machine: {directory}/{where}")
    return bool(accuracy > 0.7 and margins[-1][1] > margins[0][1])


def claim_directory(namespace: str, claim: str) -> str:
    """Where a claim's files lie on this machine; empty where they do not, as on kind's nodes."""
    command = [sys.executable, "-m", "devcluster", "claim-dir", namespace, claim]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    return done.stdout.strip()


def spark(values: list[float]) -> str:
    """A curve in one line of text, at most 60 characters."""
    blocks = "▁▂▃▄▅▆▇█"
    picked = values[:: -(-len(values) // 60)]
    low, high = min(picked), max(picked)
    span = (high - low) or 1.0
    return "".join(blocks[int((value - low) / span * (len(blocks) - 1))] for value in picked)


def main() -> int:
    """Runs every step; exit status 0 only when the trained model prefers the chosen answers."""
    begin("cluster")
    with images.built_meanwhile():
        devcluster("up", "--mode", "full", capture=False)
    kubectl = Kubectl()
    begin("images")
    image = images.ensure()["inspect"].reference
    begin("chart")
    install()
    begin("GPU")
    add_fake_gpu(kubectl)
    kubectl.attempt("delete", "dpojob", JOB, "-n", NAMESPACE, "--ignore-not-found", "--wait")
    kubectl.attempt(
        "delete", "pvc", f"{JOB}-output", "-n", NAMESPACE, "--ignore-not-found", "--wait"
    )
    begin("model and pairs")
    put_inputs(kubectl, NAMESPACE, image, demo_data())
    begin("job")
    log("kubectl apply -f examples/quickstart.yaml")
    kubectl("apply", "-n", NAMESPACE, "-f", "examples/quickstart.yaml")
    follow(NAMESPACE)
    begin("result")
    good = show(kubectl, NAMESPACE, image)
    if not good:
        log("the job did not end as it should: 'kubectl describe dpo' says why")
        return 1
    log("done. `make down` stops the cluster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
