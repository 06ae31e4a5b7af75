"""The command line: `python -m devcluster up`, `down`, and what one does in between."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from devcluster import image_loader, kind_backend
from devcluster.cluster import Cluster, sweep
from devcluster.control_plane import kwok
from devcluster.control_plane.storage import claim_directory
from devcluster.host.errors import DevclusterError
from devcluster.images import base_image, buildah, builder, docker, outdated
from devcluster.state import CONTROL_PLANE, FULL, MODES, clusters, clusters_with_data

DEFAULT = "dpojob"


def _name(args: argparse.Namespace) -> str:
    """The cluster that is meant: named, or the default one, or the only one there is."""
    given = args.name or os.environ.get("DEVCLUSTER_NAME")
    if given:
        return str(given)
    existing = clusters()
    return existing[0] if DEFAULT not in existing and len(existing) == 1 else DEFAULT


def _cluster(args: argparse.Namespace) -> kind_backend.AnyCluster:
    return kind_backend.choose(_name(args), args.context)


def _up(args: argparse.Namespace) -> None:
    sweep()
    full = args.mode == FULL
    name = args.name or os.environ.get("DEVCLUSTER_NAME") or (DEFAULT if full else CONTROL_PLANE)
    nodes = args.nodes if args.nodes is not None else (1 if full else 0)
    kind_backend.choose(name, args.context, start=full).up(args.mode, nodes)


def _down(args: argparse.Namespace) -> None:
    if args.all:
        for name in clusters_with_data() if args.purge else clusters():
            Cluster(name).down(images=args.purge, current_images=args.current_images)
        for kind in kind_backend.used_kind_clusters():
            kind.down()
        outdated.remove_from_builder(args.current_images)
    else:
        kind_backend.choose(_name(args), args.context).down(images=args.purge)


def _status(args: argparse.Namespace) -> None:
    states = _cluster(args).status()
    for component, alive in states.items():
        print(f"{component:32} {'running' if alive else 'DEAD: `up` starts it again'}")
    if not all(states.values()):
        raise SystemExit(1)


def _kubeconfig(args: argparse.Namespace) -> None:
    print(_cluster(args).kubeconfig)


def _env(args: argparse.Namespace) -> None:
    cluster = _cluster(args)
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    if isinstance(cluster, Cluster):
        print(f'export PATH={cluster.state.bin}:"$PATH"')


def _bin(args: argparse.Namespace) -> None:
    cluster = Cluster(_name(args))
    for name in args.binaries:
        print(cluster.bin(name))


def _claim_dir(args: argparse.Namespace) -> None:
    cluster = _cluster(args)
    if not isinstance(cluster, Cluster):
        raise DevclusterError("claims of kind and of CONTEXT are not directories of this machine")
    kubectl = cluster.kubectl
    read = ("get", "-o", "json", "pvc", args.claim, "-n", args.namespace)
    claim = json.loads(kubectl(*read).stdout)
    volume = claim["spec"].get("volumeName")
    if not volume:
        raise DevclusterError(f"the claim {args.namespace}/{args.claim} is not bound yet")
    print(claim_directory(claim, json.loads(kubectl("get", "-o", "json", "pv", volume).stdout)))


def _fake_gpu(args: argparse.Namespace) -> None:
    _cluster(args).set_gpus(args.node, args.resource, args.count)


def _kwok_node(args: argparse.Namespace) -> None:
    labels = dict(label.partition("=")[::2] for label in args.label)
    cluster = _cluster(args)
    if not isinstance(cluster, Cluster):
        raise DevclusterError("fake nodes need a cluster of devcluster's own, not kind or CONTEXT")
    cluster.add_kwok_node(kwok.node_json(args.node, args.gpus, args.resource, labels))


def _load_image(args: argparse.Namespace) -> None:
    if (args.file is None) == (args.built is None):
        raise DevclusterError("give either an archive (NAME FILE) or --built NAME")
    image_loader.load(_cluster(args), args.image or args.built, args.file)


def _has_image(args: argparse.Namespace) -> None:
    if not _cluster(args).has_image(args.image):
        raise SystemExit(1)


def _build_base(_: argparse.Namespace) -> None:
    print(base_image.ensure())


def _build_image(args: argparse.Namespace) -> None:
    if args.for_registry:
        with_docker = docker.works()
    else:
        cluster = kind_backend.choose(_name(args), args.context, start=True)
        with_docker = isinstance(cluster, kind_backend.KindCluster)
    build = docker.build if with_docker else builder.build
    build(args.image, args.build_context, args.file, args.target, args.build_arg)
    if args.for_registry:
        push = docker.push if with_docker else buildah.push
        push(args.image)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devcluster", description="A real Kubernetes on this machine."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", help="which cluster (default: DEVCLUSTER_NAME, or the only one)")
    common.add_argument(
        "--context",
        default=os.environ.get("CONTEXT"),
        help="use this context of your own kubeconfig instead (default: CONTEXT)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, function: Callable[[argparse.Namespace], None], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=text, description=text)
        command.set_defaults(function=function)
        return command

    up = add("up", _up, "Start a cluster, or what is missing of it.")
    up.add_argument("--mode", choices=MODES, default=FULL)
    up.add_argument("--nodes", type=int, help="real nodes (full) or fake ones (control-plane)")
    down = add("down", _down, "End a cluster; only its image store stays, for the next time.")
    down.add_argument("--all", action="store_true", help="every cluster of this user")
    down.add_argument("--purge", action="store_true", help="the image store too")
    down.add_argument(
        "--current-images",
        nargs="*",
        default=[],
        metavar="NAME",
        help="with --all: remove the images of older sources than these from the nodes and the builder",
    )
    add("status", _status, "What runs. Exit status 1 when something is dead.")
    add("kubeconfig", _kubeconfig, "Print the path of the administrator's kubeconfig.")
    add("env", _env, "Print lines for `eval`: KUBECONFIG, and PATH with the binaries.")
    add("bin", _bin, "Print the paths of binaries of the pinned versions.").add_argument(
        "binaries", nargs="+"
    )
    claim = add("claim-dir", _claim_dir, "Print the host directory of a claim.")
    claim.add_argument("namespace")
    claim.add_argument("claim")
    gpu = add("fake-gpu", _fake_gpu, "Let a node say that it has GPUs.")
    gpu.add_argument("node")
    gpu.add_argument("--count", type=int, default=1)
    gpu.add_argument("--resource", default="nvidia.com/gpu")
    fake = add("kwok-node", _kwok_node, "Add a fake node.")
    fake.add_argument("node")
    fake.add_argument("--gpus", type=int, default=0)
    fake.add_argument("--resource", default="nvidia.com/gpu")
    fake.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    load = add("load-image", _load_image, "Put an image on every node.")
    load.add_argument("image", nargs="?", metavar="NAME")
    load.add_argument("file", nargs="?", type=Path, help="an OCI or docker archive")
    load.add_argument("--built", metavar="NAME", help="an image that `build-image` built")
    has = add("has-image", _has_image, "Exit status 0 when every node has an image of that name.")
    has.add_argument("image", metavar="NAME")
    add("build-base-image", _build_base, "Make the base image (cached) and print its name.")
    build = add("build-image", _build_image, "Build a Dockerfile of this repository.")
    build.add_argument("build_context", type=Path, metavar="CONTEXT")
    build.add_argument("-t", "--tag", dest="image", required=True)
    build.add_argument("-f", "--file", type=Path, required=True)
    build.add_argument("--target")
    build.add_argument("--build-arg", action="append", default=[], metavar="KEY=VALUE")
    build.add_argument(
        "--for-registry", action="store_true", help="push it, too; Docker builds it where it works"
    )
    return parser


def main() -> int:
    """Run one command."""
    args = _parser().parse_args()
    try:
        args.function(args)
    except DevclusterError as error:
        print(f"devcluster: {error}", file=sys.stderr)
        return 1
    return 0
