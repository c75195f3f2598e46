"""The files of a deposit: sizes, checksums, and the version that an archive holds."""

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DepositRefused

BLOCK = 1 << 20
MAX_CITATION_BYTES = 1_000_000


@dataclass(frozen=True)
class LocalFile:
    """A file that is to be uploaded under its own name."""

    path: Path
    n_bytes: int
    md5: str  # hexadecimal: the checksum that Zenodo states

    @property
    def name(self) -> str:
        """Its name in the deposit."""
        return self.path.name


@dataclass(frozen=True)
class Version:
    """What the CITATION.cff in an archive says."""

    label: str
    date: str = ""
    doi: str = ""
    commit: str = ""
    url: str = ""


def local_file(path: Path) -> LocalFile:
    """The file with its size and checksum.

    Raises
    ------
    DepositRefused
        If it cannot be read or is empty.
    """
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise DepositRefused(f"{path}: cannot be read ({error.strerror})") from error
    if not size:
        raise DepositRefused(f"{path}: is empty")
    return LocalFile(path, size, digest.hexdigest())


def version_in(paths: list[Path]) -> Version:
    """The one version that the archives among the files name.

    Raises
    ------
    DepositRefused
        If none names one, or two differ.
    """
    found = {path: _read(path) for path in paths if path.name.endswith((".tgz", ".tar.gz"))}
    if not found:
        raise DepositRefused("no archive of a version among the files; make it: make archive")
    if len(set(found.values())) > 1:
        said = ", ".join(f"{path.name}: {one.label} {one.doi}" for path, one in found.items())
        raise DepositRefused(
            f"archives of different versions ({said}); make them again: make archive"
        )
    return next(iter(found.values()))


def _read(path: Path) -> Version:
    try:
        with tarfile.open(path, "r:gz") as tar:
            for entry in tar:
                if (
                    entry.isfile()
                    and entry.name.count("/") == 1
                    and entry.name.endswith("/CITATION.cff")
                ):
                    file = tar.extractfile(entry)
                    document: Any = yaml.safe_load(file.read(MAX_CITATION_BYTES)) if file else {}
                    return Version(
                        str(document["version"]),
                        *(
                            str(document.get(key, ""))
                            for key in ("date-released", "doi", "commit", "url")
                        ),
                    )
    except (OSError, EOFError, tarfile.TarError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DepositRefused(f"{path}: no archive of a version ({type(error).__name__})") from error
    raise DepositRefused(f"{path}: holds no CITATION.cff in its one folder; make it: make archive")
