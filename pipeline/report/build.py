"""What a build is: its version and where its numbers come from."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from pipeline.config.paths import ROOT
from pipeline.report.citation import Citation, checked_doi, read_citation
from pipeline.report.downloads.report_file import ReportFile, read_previous
from pipeline.schema.labels import version_url

LIBRARIES = (
    "numpy",
    "scipy",
    "astropy",
    "photutils",
    "plotly",
    "matplotlib",
    "mkdocs",
    "mkdocs-material",
)


@dataclass(frozen=True)
class BuildInfo:
    """Version and provenance of a build, the same on every machine that repeats it."""

    version_label: str  # of the published report, "v2026.11"
    software_version: str
    commit: str  # "" outside a git checkout
    date: str  # ISO date of SOURCE_DATE_EPOCH, else of the commit; "" if neither is known
    command: str  # as a reader would type it
    citation: Citation  # its DOI is that of this version, if one is set
    libraries: Mapping[str, str] = field(default_factory=dict)
    site_url: str = ""  # where this version is served; "" for a local one
    epoch: int = 0  # SOURCE_DATE_EPOCH that mkdocs gets
    previous: ReportFile | None = None  # the version before, as it was published


def collect(
    command: Sequence[str],
    version_label: str = "",
    root_url: str = "",
    previous: Path | None = None,
    doi: str = "",
    root: Path = ROOT,
) -> BuildInfo:
    """The build that runs now, from the checkout and the environment.

    Parameters
    ----------
    command : sequence of str
        Command line that makes this build, without paths of this machine.
    version_label : str
        Name of this version; "" makes "v" + software version.
    root_url : str
        Address under which all versions will be served, each in a folder of its own; "" if this
        build is not to be published.
    previous : Path, optional
        ``report.json`` of the version before.
    doi : str
        DOI of this version, reserved beforehand; "" keeps what CITATION.cff says.

    Raises
    ------
    ConfigError
        If the DOI is none, or address and label do not make an address of a version.
    PreviousReportInvalid
        If the version before cannot be read or has this one's label.
    """
    from pipeline import __version__

    epoch = _epoch(root)
    citation = read_citation(root / "CITATION.cff")
    label = version_label or f"v{__version__}"
    return BuildInfo(
        version_label=label,
        software_version=__version__,
        commit=_git(root, "rev-parse", "HEAD"),
        date=datetime.fromtimestamp(epoch, UTC).date().isoformat() if epoch else "",
        command=" ".join(command),
        citation=replace(citation, doi=checked_doi(doi) or citation.doi),
        libraries=library_versions(),
        site_url=version_url(root_url, label),
        epoch=epoch,
        previous=read_previous(previous, label) if previous else None,
    )


def library_versions() -> dict[str, str]:
    """Versions of the libraries that shape numbers or pages."""
    return {name: metadata.version(name) for name in LIBRARIES}


def _epoch(root: Path) -> int:
    """Seconds that stand for "now": the environment's, else the commit's, never the clock's."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "") or _git(root, "log", "-1", "--format=%ct")
    return int(text) if text.isdigit() else 0


def _git(root: Path, *arguments: str) -> str:
    """What git says; "" where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
