"""The last steps of a report: pages from results, a static site from pages, both only if stale."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import report
from pipeline.cli.interface import documentation
from pipeline.config.paths import ROOT
from pipeline.sources import Campaign
from pipeline.sources.request import Request
from pipeline.workflow import products
from pipeline.workflow.progress import say

_PAGE_SOURCES = ("templates", "site_src", "mkdocs.yml", "CITATION.cff")  # whatever their suffix
SITE_PRODUCT = "site.json"  # in the work folder: every file of the site that was built last
_SHOWN = 3  # damaged files that are named


@dataclass(frozen=True)
class SiteRequest:
    """Where the site goes and what it is called."""

    site: Path
    version_label: str = ""
    pages_only: bool = False
    root_url: str = ""  # where all versions are served; "" makes a site that is not to be published
    previous: Path | None = None  # report.json of the version before
    doi: str = ""


def publish(campaigns: Sequence[Campaign], request: Request, site: SiteRequest) -> str:
    """Write pages and site unless they are up to date; returns a sentence that says what was done.

    Raises
    ------
    SiteError
        If mkdocs fails or warns, or a folder cannot be written.
    ConfigError
        If address and label do not make an address of a version.
    PreviousReportInvalid
        If the version before cannot be read.
    """
    from pipeline.report.vendor import bundle_path  # here, so that `python -m` can run that module

    bundle_path()  # part of what the site is made of, put there by the first build
    build = report.collect(
        _command(request),
        site.version_label,
        root_url=site.root_url,
        previous=site.previous,
        doi=site.doi,
    )
    ingredients = {
        "stage": "site",
        "code": products.code_digest(
            "pipeline/report", "pipeline/cli/publish.py", "pipeline/schema/labels.py"
        ),
        "libraries": dict(build.libraries),
        "build": asdict(replace(build, previous=None)),
        "previous": build.previous.sha256 if build.previous else "",
        "pages": _tree_digest(),
        "interface": products.digest(documentation()),
        "settings": {one.name: products.digest(one.used_settings()) for one in campaigns},
        "inputs": {one.name: products.digest(one.ingredients()) for one in campaigns},
    }
    product = request.work / SITE_PRODUCT
    index = site.site / "index.html"
    if "site" in request.force:
        products.forget(product)
    stale = products.staleness(product, {**ingredients, "site": str(site.site)})
    if not stale and (damaged := damaged_files(request.work)):
        stale = f"{len(damaged)} files are not as they were made: {', '.join(damaged[:_SHOWN])}"
    if not stale and not site.pages_only:
        return f"{index} is up to date"
    docs = request.work / "docs"
    say(f"pages ({stale or 'asked for'})")
    results = [one.results() for one in campaigns]
    pages = report.render(results, build, docs, jobs=request.workers.jobs)
    if site.pages_only:
        return f"{len(pages)} files of pages and data in {docs}"

    def make_site(output: products.Output) -> None:
        report.build_site(
            docs, site.site, ROOT / "mkdocs.yml", site_url=build.site_url, epoch=build.epoch
        )
        output.path(product.name).write_text(json.dumps(_listing(site.site), indent=1))

    say("site")
    products.make(product, "site", {**ingredients, "site": str(site.site)}, make_site)
    return f"{index} is complete"


def damaged_files(work: Path) -> list[str]:
    """What is wrong with the files of the site that was built last, by name; all are hashed.

    Parameters
    ----------
    work : Path
        The work folder of the build; without a site of it there is nothing to say.
    """
    product = work / SITE_PRODUCT
    stamp = products.read_stamp(product)
    try:
        listed = json.loads(product.read_text(encoding="utf-8"))
        site = Path(str(stamp.ingredients["site"])) if stamp else None
    except (OSError, ValueError, KeyError):
        return []  # not built, or its record is damaged: then it is stale
    if site is None or not isinstance(listed, dict):
        return []
    return [text for name, kept in listed.items() if (text := _damage(site / name, name, kept))]


def _damage(path: Path, name: str, digest: str) -> str:
    try:
        return "" if products.file_sha256(path) == digest else f"{name} (other content)"
    except FileNotFoundError:
        return f"{name} (missing)"
    except OSError as error:
        return f"{name} (cannot be read: {error.strerror})"


def _command(request: Request) -> list[str]:
    """The command that makes this report, without paths of this machine."""
    sources = [word for source in request.sources for word in ("--source", source)]
    return ["python", "build_report.py", *sources]


def _tree_digest() -> str:
    """Digest of templates, hand-written pages, scripts and styles."""
    files: list[Path] = []
    for name in _PAGE_SOURCES:
        path = ROOT / name
        files += [path] if path.is_file() else path.rglob("*")
    kept = sorted(file for file in files if file.is_file() and file.suffix not in (".pyc", ".part"))
    return products.digest(
        [(file.relative_to(ROOT).as_posix(), products.file_sha256(file)) for file in kept]
    )


def _listing(site: Path) -> dict[str, Any]:
    """Every file of the site with its sha256."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    return {path.relative_to(site).as_posix(): products.file_sha256(path) for path in files}
