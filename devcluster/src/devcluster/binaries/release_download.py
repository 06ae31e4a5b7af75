"""Official release downloads, checked against their published checksum."""

import hashlib
import shutil
import tarfile
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from devcluster.binaries.build_recipes import Download, Recipe
from devcluster.host import console
from devcluster.host.errors import DevclusterError

_CONNECT_SECONDS = 6.0
_unreachable: set[str] = set()


def _checksum(source: Download) -> str | None:
    """The published SHA-256; None when the host cannot be reached."""
    host = urlsplit(source.checksum_url).netloc
    if host in _unreachable:
        return None
    try:
        with urllib.request.urlopen(source.checksum_url, timeout=_CONNECT_SECONDS) as response:
            text: str = response.read().decode()
    except (OSError, UnicodeDecodeError):
        _unreachable.add(host)
        console.log(f"{host} cannot be reached: building from source instead")
        return None
    # Either a lone digest, or lines of "digest  file".
    file = source.url.rpartition("/")[2]
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for fields in lines:
        if len(fields) == 1 or fields[-1].lstrip("*").endswith(file):
            return fields[0].lower()
    return None


def download(recipe: Recipe, target: Path) -> bool:
    """Fetch the official release into `target`. False when it has to be built instead."""
    source = recipe.download
    if source is None or (wanted := _checksum(source)) is None:
        return False
    console.log(f"downloading {recipe.name} {recipe.version}")
    archive = target.with_name(f"{target.name}.download")
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(source.url, timeout=30) as response,
            archive.open("wb") as file,
        ):
            while block := response.read(1 << 20):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != wanted:
            raise DevclusterError(
                f"{source.url} has SHA-256 {digest.hexdigest()}, its publisher says {wanted}. "
                "Downloads are altered between its server and this machine; nothing was installed."
            )
        _extract(source, archive, target)
    except OSError as error:
        console.log(f"the download of {recipe.name} broke off ({error}): building it instead")
        return False
    finally:
        archive.unlink(missing_ok=True)
    return True


def _extract(source: Download, archive: Path, target: Path) -> None:
    if source.member is None:
        archive.replace(target)
        return
    with tarfile.open(archive) as tar:
        member = tar.extractfile(source.member)
        if member is None:
            raise DevclusterError(f"{source.url} has no {source.member} inside")
        with member, target.open("wb") as out:
            shutil.copyfileobj(member, out)
