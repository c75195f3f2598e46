"""What a build is: its version and where its numbers come from."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import ConfigError
from pipeline.report.citation import Citation, checked_doi, read_citation

ROOT = Path(__file__).resolve().parents[2]  # the checkout: templates/ and site_src/ lie in it
LIBRARIES = (
    "numpy",
    "scipy",
    "astropy",
    "photutils",
    "plotly",
    "matplotlib",
    "pyarrow",
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


def collect(
    command: Sequence[str],
    version_label: str = "",
    site_url: str = "",
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
    site_url : str
        Address under which the version will be served.
    doi : str
        DOI of this version, reserved beforehand; "" keeps what CITATION.cff says.

    Raises
    ------
    ConfigError
        If the DOI is none, or the address is not one of the web.
    """
    from pipeline import __version__

    epoch = _epoch(root)
    citation = read_citation(root / "CITATION.cff")
    return BuildInfo(
        version_label=version_label or f"v{__version__}",
        software_version=__version__,
        commit=_git(root, "rev-parse", "HEAD"),
        date=datetime.fromtimestamp(epoch, UTC).date().isoformat() if epoch else "",
        command=" ".join(command),
        citation=replace(citation, doi=checked_doi(doi) or citation.doi),
        libraries=library_versions(),
        site_url=checked_site_url(site_url),
        epoch=epoch,
    )


def checked_site_url(text: str) -> str:
    """The address with a slash at its end, as links are joined to it; "" stays "".

    Raises
    ------
    ConfigError
        If it is not a plain http or https address.
    """
    parts = urlsplit(text)
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if text and (not plain or parts.query or parts.fragment or re.search(r"[\s\"'<>]", text)):
        raise ConfigError(
            f"--site-url {text!r}: not an address such as https://example.org/report/v2026.11/"
        )
    return text if text.endswith("/") or not text else f"{text}/"


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
