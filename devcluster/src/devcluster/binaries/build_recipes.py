"""The official download of each binary, and how to build it from Go modules."""

import platform
from dataclasses import dataclass

from devcluster import versions

_K8S = "k8s.io/kubernetes"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Download:
    """An official release file. Without a published checksum there is no download."""

    url: str
    checksum_url: str
    member: str | None = None
    """The file inside a .tar.gz; None when the download is the binary itself."""


@dataclass(frozen=True)
class Recipe:
    """One binary."""

    name: str
    version: str
    download: Download | None
    module: str
    package: str
    version_arguments: tuple[str, ...] = ("--version",)
    ldflags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    """Further modules that the go.mod of the build requires, each with its version: they take part in the choice
    of versions."""
    main: str = ""
    """The main package's source, when it differs from upstream's."""


def _kubernetes(name: str, *version_arguments: str) -> Recipe:
    url = f"https://dl.k8s.io/release/{versions.KUBERNETES}/bin/linux/{ARCHITECTURE}/{name}"
    _, major_minor = versions.KUBERNETES.split("v")
    major, minor, _patch = major_minor.split(".")
    values = {"gitVersion": versions.KUBERNETES, "gitMajor": major, "gitMinor": minor}
    return Recipe(
        name=name,
        version=versions.KUBERNETES,
        download=Download(url, f"{url}.sha256"),
        module=_K8S,
        package=f"{_K8S}/cmd/{name}",
        version_arguments=version_arguments or ("--version",),
        ldflags=tuple(f"-X k8s.io/component-base/version.{k}={v}" for k, v in values.items()),
    )


def _etcd() -> Recipe:
    release = f"etcd-{versions.ETCD}-linux-{ARCHITECTURE}"
    base = f"https://github.com/etcd-io/etcd/releases/download/{versions.ETCD}"
    return Recipe(
        name="etcd",
        version=versions.ETCD,
        download=Download(f"{base}/{release}.tar.gz", f"{base}/SHA256SUMS", f"{release}/etcd"),
        module="go.etcd.io/etcd/server/v3",
        package="go.etcd.io/etcd/server/v3",
    )


def _helm() -> Recipe:
    url = f"https://get.helm.sh/helm-{versions.HELM}-linux-{ARCHITECTURE}.tar.gz"
    return Recipe(
        name="helm",
        version=versions.HELM,
        download=Download(url, f"{url}.sha256sum", f"linux-{ARCHITECTURE}/helm"),
        module="helm.sh/helm/v3",
        package="helm.sh/helm/v3/cmd/helm",
        version_arguments=("version", "--short"),
        ldflags=(f"-X helm.sh/helm/v3/internal/version.version={versions.HELM}",),
    )


# Upstream's main links every plugin with the clients of three clouds; five plugins are enough.
_COREDNS_MAIN = """package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() { coremain.Run() }
"""


def _coredns() -> Recipe:
    number = versions.COREDNS.removeprefix("v")
    base = f"https://github.com/coredns/coredns/releases/download/{versions.COREDNS}"
    url = f"{base}/coredns_{number}_linux_{ARCHITECTURE}.tgz"
    return Recipe(
        name="coredns",
        version=versions.COREDNS,
        download=Download(url, f"{url}.sha256", "coredns"),
        module="github.com/coredns/coredns",
        package=".",
        version_arguments=("-version",),
        main=_COREDNS_MAIN,
    )


def _kwok() -> Recipe:
    # No checksum file is known for its releases, so it is always built.
    return Recipe(
        name="kwok",
        version=versions.KWOK,
        download=None,
        module="sigs.k8s.io/kwok",
        package="sigs.k8s.io/kwok/cmd/kwok",
    )


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _kubernetes("kube-apiserver"),
        _etcd(),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubectl", "version", "--client"),
        _kwok(),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        _coredns(),
        _helm(),
    )
}

CONTROL_PLANE = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE = ("kubelet", "kube-proxy", "coredns")
