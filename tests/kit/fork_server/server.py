"""Starts operators quickly: imports everything once, then forks one process per start.

`python -m tests.kit.fork_server.server MODULE` reads one JSON object per line, {"env": {...}, "log": path},
and answers {"started": pid} for each, and {"exited": pid, "status": n} whenever one ends (negative:
the signal that ended it). A forked operator runs MODULE's `main()` exactly as `python -m` would,
in a separate process; only the second and a half of imports is saved.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal for when the parent ends, so that no operator outlives the harness."""
READ_AT_IMPORT = ("kubernetes.config.kube_config", "kubernetes.aio.config.kube_config")
"""Modules that read KUBECONFIG when they are imported, which the fork server did without one."""


def child(module: Any, request: dict[str, Any]) -> None:
    """The operator's process. Never returns."""
    status = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ.update(request["env"])
        for name in READ_AT_IMPORT:
            vars(sys.modules[name])["KUBE_CONFIG_DEFAULT_LOCATION"] = request["env"]["KUBECONFIG"]
        module.main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def report(**event: Any) -> None:
    """Writes one line to the client."""
    os.write(1, json.dumps(event).encode() + b"\n")


def reap() -> None:
    """Reports every process that ended."""
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        report(exited=pid, status=os.waitstatus_to_exitcode(raw))


def main() -> None:
    """Serves until its input ends."""
    module = importlib.import_module(sys.argv[1])
    for name in READ_AT_IMPORT:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page it shares with the others
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_inheritable(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pending = b""
    report(ready=True)
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            reap()
        if 0 not in readable:
            continue
        data = os.read(0, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                os.close(woken)
                os.close(wake)
                child(module, request)
            report(started=pid)


if __name__ == "__main__":
    main()
