"""The whole version as one archive, the same bytes from the same site: `python -m pipeline.report.packing`.

What is uploaded to Zenodo and attached to a release. It is read from disk: unpack it and open
index.html. It is never part of a site, since it would have to hold itself.
"""

import argparse
import gzip
import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from pipeline.cli import guarded
from pipeline.errors import SiteError
from pipeline.progress import say
from pipeline.report.text import size_of, slug

PROJECT = "muse-differential-photometry"


@dataclass(frozen=True)
class SiteVersion:
    """What a finished site says of itself."""

    label: str
    date: str  # "" if it is not known
    doi: str  # "" if it has none


def archive_name(version_label: str) -> str:
    """File name of a version's archive."""
    return f"{PROJECT}-{slug(version_label)}.tgz"


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


def pack(site: Path, folder: Path) -> Path:
    """The archive of a finished site, written into a folder.

    Everything lies in one folder named like the archive. Names are sorted, times are the version's
    date, owners and rights are nobody's in particular: the bytes depend on the site alone.

    Raises
    ------
    SiteError
        If there is no finished site, or the archive cannot be written.
    """
    citation = site / "CITATION.cff"
    if not (site / "index.html").is_file() or not citation.is_file():
        raise SiteError(f"{site}: no finished site; run `make report`, or name it: --site DIR")
    if folder.resolve().is_relative_to(site.resolve()):
        raise SiteError(f"{folder}: lies in the site, which would then hold its own archive")
    version = version_of(citation.read_bytes(), citation)
    target = folder / archive_name(version.label)
    content = _tar(site, target.stem, _seconds(version.date))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise SiteError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def _tar(site: Path, top: str, seconds: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{top}/{path.relative_to(site).as_posix()}")
            content = path.read_bytes()
            entry.size, entry.mtime, entry.mode = len(content), seconds, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), compresslevel=9, mtime=0)


def _seconds(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) if date else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.report.packing",
        description="Pack a finished site into one archive: the same site, the same bytes. Unpack it "
        "anywhere and open index.html, no server is needed.",
    )
    parser.add_argument(
        "--site", type=Path, default=Path("site"), metavar="DIR", help="the site (default: site)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("dist"),
        metavar="DIR",
        help="folder of the archive (default: dist)",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Exit status of the command line."""
    options = parse(arguments)

    def run() -> int:
        target = pack(options.site, options.output)
        content = target.read_bytes()
        say(f"{target}, {size_of(len(content))}, sha256 {hashlib.sha256(content).hexdigest()}")
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
