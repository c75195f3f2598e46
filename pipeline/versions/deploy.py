"""Publish a finished site as a version: once, whole, and never changed afterwards."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import NotPublishable, VersionPublished
from pipeline.schema.labels import newest
from pipeline.versions.branch import Branch
from pipeline.versions.layout import alias_files, root_files, with_version
from pipeline.versions.site import REPORT, FinishedSite, read_site
from pipeline.workflow.products import locked

TOLD = 5  # differing files that a refusal names


def deploy(
    folder: Path,
    branch: Branch,
    *,
    stable: bool = True,
    moved: bool = False,
    limit_mb: float | None = None,
) -> str:
    """Publish the site in a folder; returns a sentence that says what was done.

    Parameters
    ----------
    folder : Path
        A finished site, built for its address.
    branch : Branch
        Where the versions are.
    stable : bool
        Whether the alias ``stable`` follows, if this is the newest version.
    moved : bool
        The versions are served at another address from now on.
    limit_mb : float, optional
        Largest size of a version [MB]; left out, it follows from the number of exposures.

    Raises
    ------
    NotPublishable, VersionTooLarge
        If the folder is no site that may be published here.
    VersionPublished
        If the version is published with other content.
    BranchError
        If the branch cannot be read or written.
    """
    site = read_site(folder, limit_mb)
    with locked(branch.git_dir):
        listing = branch.listing()
        versions = branch.versions(listing)
        labels = [str(info.version) for info in versions]
        known = site.label in labels
        content = {f"{site.label}/{path}": data for path, data in site.files.items()}
        if known:
            _refuse_other_content(site, listing, branch.digests(content))
        else:
            _check_previous(site, branch, newest(labels, before=site.label))
        _check_root(site, branch, listing, moved)
        aliases = with_version(versions, site.label, stable=stable)
        beside = {**root_files(versions, site)}
        for alias, label in aliases.items():
            pages = site.pages if label == site.label else _pages(listing, label)
            beside |= alias_files(alias, label, pages, site.root_url)
        wanted = content | beside
        digests = branch.digests(wanted)
        written = {
            path: data for path, data in wanted.items() if listing.get(path) != digests[path]
        }
        removed = [
            path for path in listing if path.partition("/")[0] in aliases and path not in wanted
        ]
        if not written and not removed:
            return f"{site.label} is published with this content: nothing to do"
        branch.commit(f"{'Aliases of' if known else 'Publish'} {site.label}", written, removed)
    leads = ", ".join(f"{alias} is {label}" for alias, label in sorted(aliases.items()))
    size = f"{len(site.files)} files, {site.n_bytes / 1e6:.2f} MB"
    return f"{site.url} ({size}) is in branch {branch.name}; {leads}"


def previous_report(branch: Branch, before: str = "") -> tuple[str, bytes]:
    """Label and report.json of the newest version, or of the newest one older than ``before``.

    Two empty values if there is none.
    """
    listing = branch.listing()
    label = newest([str(info.version) for info in branch.versions(listing)], before=before)
    return (label, branch.read(f"{label}/{REPORT}")) if label else ("", b"")


def _pages(listing: Mapping[str, str], label: str) -> tuple[str, ...]:
    paths = (path.partition("/") for path in listing)
    return tuple(page for top, _, page in paths if top == label and page.endswith(".html"))


def _refuse_other_content(
    site: FinishedSite, listing: Mapping[str, str], mine: Mapping[str, str]
) -> None:
    there = {path: one for path, one in listing.items() if path.startswith(f"{site.label}/")}
    differing = sorted(path for path in set(mine) | set(there) if mine.get(path) != there.get(path))
    if differing:
        more = f" and {len(differing) - TOLD} more" if len(differing) > TOLD else ""
        raise VersionPublished(
            f"{site.label} is published with other content, and a published version never changes: "
            f"{', '.join(differing[:TOLD])}{more}; publish under the next label (--version-label)"
        )


def _check_previous(site: FinishedSite, branch: Branch, label: str) -> None:
    """What the site calls the version before must be that version as it is published."""
    sha256 = hashlib.sha256(branch.read(f"{label}/{REPORT}")).hexdigest() if label else ""
    if (site.previous, site.previous_sha256) != (label, sha256):
        raise NotPublishable(
            f"{site.label} says what changed since {site.previous or 'no version'}, but the version "
            f"published before it is {label or 'none'}: write its numbers with `python -m "
            f"pipeline.versions previous --before {site.label} FILE`, then build with --previous FILE"
        )


def _check_root(
    site: FinishedSite, branch: Branch, listing: Mapping[str, str], moved: bool
) -> None:
    """Make sure that robots.txt names the address at which all versions are served."""
    if moved or "robots.txt" not in listing:
        return
    told = branch.read("robots.txt").decode("utf-8", "replace")
    if f"Sitemap: {site.root_url}sitemap.xml\n" not in told:
        there = told.rpartition("Sitemap: ")[2].strip().removesuffix("sitemap.xml")
        raise NotPublishable(
            f"{site.label} was built for {site.root_url}, the other versions are at {there}: build "
            "it with that --site-url, or say --moved if all of them have moved"
        )
