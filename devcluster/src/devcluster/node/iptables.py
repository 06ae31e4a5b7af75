"""Packet filter rules: those of devcluster, and the removal of kube-proxy's and the kubelet's."""

import shutil
import subprocess

from devcluster.control_plane.addresses import POD_CIDR
from devcluster.host.commands import run

_CHAIN_PREFIXES = ("KUBE-", "DPOJOB-")
_COMMANDS = ("iptables", "ip6tables")


def _jump(table: str, chain: str, target: str) -> None:
    check = ["iptables", "-w", "-t", table, "-C", chain, "-j", target]
    if subprocess.run(check, capture_output=True, check=False).returncode:
        run("iptables", "-w", "-t", table, "-I", chain, "-j", target)


def install() -> None:
    """Let pods reach other networks under the address of the machine, by masquerading."""
    rules = (
        "*nat\n:DPOJOB-MASQUERADE - [0:0]\n"
        f"-A DPOJOB-MASQUERADE -s {POD_CIDR} ! -d {POD_CIDR} "
        "-m addrtype ! --dst-type LOCAL -j MASQUERADE\nCOMMIT\n"
        "*filter\n:DPOJOB-FORWARD - [0:0]\n"
        f"-A DPOJOB-FORWARD -s {POD_CIDR} -j ACCEPT\n"
        f"-A DPOJOB-FORWARD -d {POD_CIDR} -j ACCEPT\nCOMMIT\n"
    )
    run("iptables-restore", "-w", "--noflush", text=rules)
    _jump("nat", "POSTROUTING", "DPOJOB-MASQUERADE")
    _jump("filter", "FORWARD", "DPOJOB-FORWARD")


def removal(saved: str) -> str:
    """The iptables-restore script that removes exactly our chains, from the output of iptables-save."""
    script: list[str] = []
    for part in saved.split("*")[1:]:
        table, *lines = part.splitlines()
        chains = [line[1:].split()[0] for line in lines if line.startswith(":")]
        removed = [chain for chain in chains if chain.startswith(_CHAIN_PREFIXES)]
        if not removed:
            continue
        jumps = []
        for line in lines:
            fields = line.split()
            if fields[0] != "-A" or fields[1] in removed or "-j" not in fields:
                continue
            if fields[fields.index("-j") + 1] in removed:
                jumps.append("-D" + line[2:])
        flush = [f":{chain} - [0:0]" for chain in removed]
        drop = [f"-X {chain}" for chain in removed]
        script += [f"*{table}", *flush, *jumps, *drop, "COMMIT"]
    return "\n".join(script) + "\n" if script else ""


def remove() -> None:
    """Remove our chains, and those of kube-proxy and kubelet."""
    for command in _COMMANDS:
        if shutil.which(command) is None:
            continue
        if script := removal(run(f"{command}-save")):
            run(f"{command}-restore", "-w", "--noflush", text=script)
