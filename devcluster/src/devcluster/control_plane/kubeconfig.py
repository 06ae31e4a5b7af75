"""Kubeconfig files. JSON is YAML, so the standard library is enough."""

import base64
import json
import ssl
import tempfile
from pathlib import Path

from devcluster.control_plane.certificates import KeyPair


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write(path: Path, *, name: str, server: str, authority: Path, client: KeyPair) -> Path:
    """Write one with the certificates inside, so that the file can be copied anywhere."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": _data(authority)},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _data(client.certificate),
                    "client-key-data": _data(client.key),
                },
            }
        ],
    }
    text = json.dumps(content, indent=1) + "\n"
    if not path.exists() or path.read_text() != text:
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(path)
    return path


def read(path: Path) -> tuple[str, ssl.SSLContext | None]:
    """The server's address and the client's credentials in a kubeconfig that is JSON.

    The credentials are None for a server without TLS.
    """
    config = json.loads(path.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    if "certificate-authority-data" not in cluster:
        return str(cluster["server"]), None
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pem:
        for part in ("client-certificate-data", "client-key-data"):
            pem.write(base64.b64decode(user[part]))
        pem.flush()
        context.load_cert_chain(pem.name)
    return str(cluster["server"]), context
