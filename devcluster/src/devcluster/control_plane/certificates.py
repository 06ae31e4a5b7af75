"""One certificate authority per cluster, and the certificates it signs, made with openssl."""

from dataclasses import dataclass
from pathlib import Path

from devcluster.host.commands import run

_DAYS = "3650"


def _openssl(*arguments: str, text: str | None = None) -> None:
    run("openssl", *arguments, what=f"openssl {arguments[0]}", text=text)


@dataclass(frozen=True)
class KeyPair:
    """A private key and its certificate."""

    key: Path
    certificate: Path


class Authority:
    """The certificate authority of one cluster. The same name always gives the same files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.pair = KeyPair(directory / "ca.key", directory / "ca.crt")
        if not self.pair.certificate.exists():
            self._key(self.pair.key)
            arguments = ["-x509", "-new", "-key", str(self.pair.key), "-days", _DAYS]
            usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
            subject = ["-subj", "/CN=devcluster", "-out", str(self.pair.certificate)]
            _openssl("req", *arguments, *usage, *subject)

    @property
    def certificate(self) -> Path:
        """What clients trust."""
        return self.pair.certificate

    def _key(self, path: Path) -> None:
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path))
        path.chmod(0o600)

    def issue(
        self, name: str, common_name: str, organization: str = "", hosts: tuple[str, ...] = ()
    ) -> KeyPair:
        """A certificate for a client, and for a server too when it has host names or addresses."""
        pair = KeyPair(self.directory / f"{name}.key", self.directory / f"{name}.crt")
        if pair.certificate.exists():
            return pair
        self._key(pair.key)
        request = pair.certificate.with_suffix(".csr")
        subject = (f"/O={organization}" if organization else "") + f"/CN={common_name}"
        _openssl("req", "-new", "-key", str(pair.key), "-subj", subject, "-out", str(request))
        extensions = [
            "basicConstraints=CA:FALSE",
            "subjectKeyIdentifier=hash",
            "authorityKeyIdentifier=keyid",
            "keyUsage=critical,digitalSignature,keyEncipherment",
            "extendedKeyUsage=clientAuth" + (",serverAuth" if hosts else ""),
        ]
        if hosts:
            kinds = (("IP" if host.replace(".", "").isdigit() else "DNS", host) for host in hosts)
            names = ",".join(f"{kind}:{host}" for kind, host in kinds)
            extensions.append(f"subjectAltName={names}")
        configuration = pair.certificate.with_suffix(".ext")
        configuration.write_text("\n".join(extensions) + "\n")
        # Written to a temporary file and renamed, so that a crash leaves no partial certificate.
        temporary = pair.certificate.with_suffix(".new")
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", _DAYS, "-sha256"),
            *("-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)),
            *("-CAcreateserial", "-extfile", str(configuration), "-out", str(temporary)),
        )
        temporary.replace(pair.certificate)
        request.unlink()
        configuration.unlink()
        return pair

    def signing_key(self) -> Path:
        """The key that signs service account tokens."""
        path = self.directory / "service-accounts.key"
        if not path.exists():
            self._key(path)
        return path
