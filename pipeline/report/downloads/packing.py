"""A version as one archive, and its data as another; `python -m pipeline pack` makes them.

What is uploaded to Zenodo and attached to a release. The site's is read from disk: unpack it and open
index.html. It is never part of a site, since it would have to hold itself. The same site, the same
bytes.
"""

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from pipeline.errors import SiteError
from pipeline.report.text import slug
from pipeline.workflow.ownership import DIST, MARK, claim

PROJECT = "muse-differential-photometry"
OF_THE_VERSION = ("CITATION.cff", "codemeta.json")  # so that the data alone can be cited


@dataclass(frozen=True)
class SiteVersion:
    """What a finished site says of itself."""

    label: str
    date: str  # "" if it is not known
    doi: str  # "" if it has none


def archive_name(version_label: str, part: str = "") -> str:
    """File name of a version's archive, or of that of a part of it."""
    return f"{PROJECT}-{slug(version_label)}{part and f'-{part}'}.tgz"


def version_of(citation: bytes, where: object) -> SiteVersion:
    """The version that a site's CITATION.cff names.

    Raises
    ------
    SiteError
        If it names none.
    """
    try:
        document = yaml.safe_load(citation)
        label = str(document["version"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SiteError(f"{where}: names no version; build the site again") from error
    return SiteVersion(label, str(document.get("date-released", "")), str(document.get("doi", "")))


def pack(site: Path, folder: Path) -> tuple[Path, Path]:
    """The archives of a finished site and of its data alone, written into a folder.

    Everything lies in one folder named like the archive. Names are sorted, times are the version's
    date, owners and rights are nobody's in particular: the bytes depend on the site alone.

    Raises
    ------
    SiteError
        If there is no finished site, or the archive cannot be written.
    WorkspaceError
        If the folder holds something else than such archives.
    """
    citation = site / "CITATION.cff"
    if not (site / "index.html").is_file() or not citation.is_file():
        raise SiteError(f"{site}: no finished site; run `make report`, or name it: --site DIR")
    if folder.resolve().is_relative_to(site.resolve()):
        raise SiteError(f"{folder}: lies in the site, which would then hold its own archive")
    folder = claim(folder, DIST)
    version = version_of(citation.read_bytes(), citation)
    everything = sorted(path for path in site.rglob("*") if path.is_file() and path.name != MARK)
    data = [path for path in everything if path.is_relative_to(site / "data")]
    data += [site / name for name in OF_THE_VERSION if (site / name).is_file()]
    return (
        _write(folder / archive_name(version.label), site, everything, version),
        _write(folder / archive_name(version.label, "data"), site, data, version),
    )


def _write(target: Path, site: Path, files: Sequence[Path], version: SiteVersion) -> Path:
    named = {path.relative_to(site).as_posix(): path.read_bytes() for path in files}
    packed = tar_of(named, target.stem, seconds_of(version.date))
    content = gzip.compress(packed, compresslevel=9, mtime=0)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise SiteError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def tar_of(files: Mapping[str, bytes], top: str, seconds: int) -> bytes:
    """An archive, not compressed, of files by name, all in one folder; the same files, the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(files[name]), seconds, 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return buffer.getvalue()


def seconds_of(date: str) -> int:
    """An ISO date as seconds since 1970; 0 for ""."""
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) if date else 0
