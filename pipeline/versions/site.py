"""A finished site, and whether it may be published as the version that it says it is."""

import html
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.errors import NotPublishable, VersionTooLarge
from pipeline.schema.labels import FORM, is_version
from pipeline.workflow.ownership import MARK

LIMIT_MB = 16.0  # fifty versions stay under 0.8 ...
PAGES_MB = 1000.0  # ... of the 1 GB that GitHub Pages serves
# Of a version with more exposures: up to so many, at most so many MB (benchmarks.weight measures them).
LIMITS_MB: tuple[tuple[int, float], ...] = ((500, LIMIT_MB), (1000, 60.0), (10_000, 250.0))
REPORT = "data/report.json"  # what a site says of itself
CITATION = "CITATION.cff"
NEEDED = ("index.html", "404.html", "sitemap.xml", REPORT, CITATION)
REBUILD = "build it with `python build_report.py --site-url URL`"
_NO_INDEX = '<meta name="robots" content="noindex">'  # of a page that only leads on
_CANONICAL = re.compile(r'<link rel="canonical" href="([^"]*)"')
_LOCATION = re.compile(r"<loc>([^<]*)</loc>")


@dataclass(frozen=True)
class FinishedSite:
    """A site that may be published."""

    label: str  # "v2026.11"
    root_url: str  # where all versions are served, with a slash at its end
    files: Mapping[str, bytes]  # path within the site: content
    previous: str  # version that its page compares with; "" for none
    previous_sha256: str  # of that version's report.json

    @property
    def url(self) -> str:
        """Where this version will be served."""
        return f"{self.root_url}{self.label}/"

    @property
    def pages(self) -> tuple[str, ...]:
        """Its pages, sorted."""
        return tuple(path for path in self.files if path.endswith(".html"))

    @property
    def limit_mb(self) -> float:
        """Its limit by the number of its exposures [MB]."""
        return limit_of(count_exposures(json.loads(self.files[REPORT])))

    @property
    def n_bytes(self) -> int:
        """Size of all files together."""
        return sum(map(len, self.files.values()))


def limit_of(n_exposures: int) -> float:
    """Largest size [MB of 10^6 bytes] of a version with so many exposures."""
    limits = (limit for most, limit in LIMITS_MB if n_exposures <= most)
    return next(limits, LIMITS_MB[-1][1])


def count_exposures(report: Mapping[str, Any]) -> int:
    """Number of exposures in all campaigns of a ``report.json``."""
    numbers = [one for campaign in report.get("campaigns", ()) for one in campaign["numbers"]]
    return sum(int(one["value"] or 0) for one in numbers if one["key"].startswith("n_exposures."))


def read_site(folder: Path, limit_mb: float | None = None) -> FinishedSite:
    """The finished site in a folder, of at most that size [MB of 10^6 bytes].

    Without a size the limit follows from the number of its exposures: see ``limit_of``.

    Raises
    ------
    NotPublishable
        If it is no finished site, has no version's label, or was built for no address.
    VersionTooLarge
        If it is larger than that.
    """
    files = _read_files(folder, _limit(folder) if limit_mb is None else limit_mb)
    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise NotPublishable(f"{folder}: no {missing[0]}, so not a finished site; {REBUILD}")
    site = _identified(folder, files)
    _check_addresses(folder, site)
    return site


def _limit(folder: Path) -> float:
    """The limit that follows from the report; the smallest where it cannot be read, which is said later."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return limit_of(count_exposures(report))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return LIMIT_MB


def _read_files(folder: Path, limit_mb: float) -> dict[str, bytes]:
    if not folder.is_dir():
        raise NotPublishable(f"{folder}: no such folder; {REBUILD}")
    found = (path for path in sorted(folder.rglob("*")) if path.name != MARK)
    paths = {path.relative_to(folder).as_posix(): path for path in found}
    for name, path in paths.items():
        if path.is_symlink():
            raise NotPublishable(f"{folder}: {name} is a symbolic link, which Pages does not serve")
    sizes = {name: path.stat().st_size for name, path in paths.items() if path.is_file()}
    _check_size(folder, sizes, limit_mb)
    return {name: paths[name].read_bytes() for name in sizes}


def _identified(folder: Path, files: Mapping[str, bytes]) -> FinishedSite:
    try:
        report = json.loads(files[REPORT])
        label, url, previous = report["version"], report["site_url"], report["previous"] or {}
        known = FinishedSite(
            str(label),
            str(url).removesuffix(f"{label}/"),
            files,
            str(previous.get("version", "")),
            str(previous.get("sha256", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotPublishable(
            f"{folder / REPORT}: not as written by this build; {REBUILD}"
        ) from error
    if not is_version(known.label):
        raise NotPublishable(
            f"{folder}: called {known.label!r}, but a published version is called {FORM}; build it "
            "with --version-label"
        )
    if not known.root_url or str(url) != known.url:
        raise NotPublishable(f"{folder}: built for the address {url!r}; {REBUILD}")
    return known


def _check_size(folder: Path, sizes: Mapping[str, int], limit_mb: float) -> None:
    total_mb = sum(sizes.values()) / 1e6
    if total_mb <= limit_mb:
        return
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:3]
    told = ", ".join(f"{name} {sizes[name] / 1e6:.2f} MB" for name in largest)
    needed = math.ceil(total_mb)
    raise VersionTooLarge(
        f"{folder}: {total_mb:.2f} MB, the limit is {limit_mb:g} MB a version; the largest files are "
        f"{told}. --limit-mb {needed} (LIMIT_MB={needed} for make) lets it pass: GitHub Pages "
        f"serves 1 GB, {PAGES_MB / needed:.0f} versions of that size"
    )


def _check_addresses(folder: Path, site: FinishedSite) -> None:
    """Canonical links and the sitemap name this version and no other place."""
    for path in site.pages:
        if path == "404.html":
            continue  # served at any address, so it has no canonical one
        text = site.files[path].decode("utf-8")
        if _NO_INDEX in text:
            continue  # an old address that leads on
        expected = site.url + ("" if path == "index.html" else quote(path))
        found = [html.unescape(link) for link in _CANONICAL.findall(text)]
        if found != [expected]:
            raise NotPublishable(
                f"{folder / path}: canonical link {found or 'missing'}, expected {expected}"
            )
    for address in _LOCATION.findall(site.files["sitemap.xml"].decode("utf-8")):
        if not address.startswith(site.url):
            raise NotPublishable(f"{folder}/sitemap.xml: {address} lies outside {site.url}")
