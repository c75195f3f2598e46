"""From results to a folder of Markdown, data, pictures and scripts."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from pipeline.config.paths import ROOT
from pipeline.errors import SiteError
from pipeline.report.build import BuildInfo
from pipeline.report.citation import DATA_LICENSE, DATA_LICENSE_URL, bibtex, sentence
from pipeline.report.downloads.dataset import data_up_to, dataset_of, script_safe
from pipeline.report.downloads.explore_data import write_explore
from pipeline.report.downloads.exposure_chunks import write_exposure_chunks
from pipeline.report.downloads.files import write_downloads, write_observed, write_sums
from pipeline.report.downloads.reduction_logs import write_reduction_logs
from pipeline.report.downloads.script_file import write_script
from pipeline.report.downloads.tables_archive import write_tables_archive
from pipeline.report.downloads.version_files import write_version_files
from pipeline.report.figures.base import Figure, is_split
from pipeline.report.pages.answer import headline_of, observed_first
from pipeline.report.pages.base import Page, PageInputs
from pipeline.report.pages.counterparts import counterparts_of
from pipeline.report.pages.registry import guide_to, make_pages
from pipeline.report.rows import readable
from pipeline.report.site.changelog import PAGE as CHANGELOG_PAGE
from pipeline.report.site.changelog import TITLE as CHANGELOG_TITLE
from pipeline.report.site.changelog import write_changelog
from pipeline.report.site.details import write_details
from pipeline.report.site.redirects import redirects
from pipeline.report.site.templates import environment, navigation, render_page
from pipeline.report.text import one_line
from pipeline.schema.results import Results
from pipeline.workflow.executors import Workers, open_pool
from pipeline.workflow.ownership import DOCS, check, put_in_place

NOT_PAGES = ("overrides", "hooks.py", "__pycache__", ".gitignore")

# Pages written by hand on the exposures of standard stars that the observatory's archive holds
OF_STANDARDS = ("archive.md", "reduction.md")
PREVIEW = "assets/preview.png"
DEVELOPERS = "For developers"  # part of the pages that are written by hand, under site_src
BY_HAND_PARTS = {  # unless they belong elsewhere
    "validation.md": "Evidence",
    "use_in_python.md": "Data and method",
    CHANGELOG_PAGE: "Data and method",
}


@dataclass(frozen=True)
class Cite:
    """How to cite this version, as the box on every page prints it."""

    title: str
    authors: tuple[str, ...]
    version: str
    permalink: str  # "" for a local build
    doi: str  # "" if none is set
    data_up_to: str
    commit: str
    date: str
    license: str  # of the software
    data_license: str
    data_license_url: str
    sentence: str
    bibtex: str
    references: tuple[str, ...]


def render(
    results: Sequence[Results],
    build: BuildInfo,
    docs_dir: Path,
    *,
    source: Path = ROOT,
    jobs: int = 1,
) -> list[Path]:
    """The files of the report, sorted; ``docs_dir`` is replaced by them in one step.

    Parameters
    ----------
    results : sequence of Results
        The campaigns in reading order.
    build : BuildInfo
        Version and provenance.
    docs_dir : Path
        A generated folder; what an earlier run generated is gone afterwards.
    source : Path
        Where ``templates/`` and ``site_src/`` are.
    jobs : int
        Processes that draw still pictures.

    Raises
    ------
    SiteError
        If the folder cannot be written.
    WorkspaceError
        If it holds something that we did not generate.
    """
    from pipeline.report.vendor import bundle_path  # here, so that `python -m` can run that module

    names = [item.name for item in results]
    if len(set(names)) != len(names):
        raise SiteError(f"two campaigns of one name: {', '.join(sorted(names))}")
    bundle_path()
    docs_dir = check(docs_dir, DOCS)
    try:
        docs_dir.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{docs_dir.name}.", dir=docs_dir.parent))
    except OSError as error:
        raise SiteError(f"{docs_dir}: cannot be written ({error.strerror})") from error
    try:
        _render_into(fresh, results, build, source, jobs)
        fresh.chmod(0o755)
        put_in_place(fresh, docs_dir, DOCS)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return sorted(path for path in docs_dir.rglob("*") if path.is_file())


def _render_into(
    folder: Path, campaigns: Sequence[Results], build: BuildInfo, source: Path, jobs: int
) -> None:
    shutil.copytree(
        source / "site_src",
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(*NOT_PAGES),
    )
    of_standard = any(one.of_standard for one in campaigns)
    if not of_standard:
        for name in OF_STANDARDS:
            (folder / name).unlink(missing_ok=True)
    campaigns = [readable(results) for results in campaigns]
    downloads = write_downloads(folder, campaigns, build)
    downloads |= write_reduction_logs(folder, campaigns, build)
    if of_standard:  # the page that shows them is that of a standard star's field
        downloads["", "observed"] = write_observed(folder)
    of_version = write_version_files(folder, build)
    downloads["", "tables"] = (
        write_tables_archive(folder, downloads | {("", "version"): of_version}, build),
    )
    downloads["", "sums"] = (write_sums(folder, downloads),)
    downloads["", "version"] = of_version
    files = [one for files in downloads.values() for one in files]
    write_explore(folder, campaigns, build)
    for results in campaigns:
        write_exposure_chunks(folder, results)
    env = environment(source / "templates")
    cite = cite_of(build, campaigns)
    pages = make_pages(PageInputs(tuple(campaigns), build, downloads))
    guide = guide_to(pages)
    names = frozenset(page.name for page in pages)
    if write_changelog(folder, source, {one.name for one in campaigns}):
        names |= {Path(CHANGELOG_PAGE).stem}
    for page in pages:
        text = render_page(env, page, build, campaigns, cite, guide, names)
        (folder / page.file).write_text(text, encoding="utf-8")
    # a figure that two pages show is one: drawn and stored once
    drawn = {figure.figure_id: figure for page in pages for figure in page.figures}
    write_figures(folder, list(drawn.values()), jobs)
    write_details(folder, env, campaigns, cite, names)
    _write_preview(folder, campaigns, pages[0], cite)
    head = {
        "cite": asdict(cite),
        "dataset": script_safe(dataset_of(build, campaigns)),
        "dataset_files": script_safe(dataset_of(build, campaigns, files)),
        "both_kinds": len({one.simulated for one in campaigns}) > 1,
        "counterparts": counterparts_of(names),
    }
    by_hand = [one for one in _pages_by_hand(source) if (folder / one[1]).exists()]
    if (folder / CHANGELOG_PAGE).exists():
        by_hand.append((CHANGELOG_TITLE, CHANGELOG_PAGE))
    _write_site_json(folder, pages, by_hand, build, head)


def cite_of(build: BuildInfo, campaigns: Sequence[Results]) -> Cite:
    """The citation of this version."""
    arguments = (build.citation, build.version_label, build.date, build.site_url)
    citation = build.citation
    return Cite(
        title=citation.title,
        authors=tuple(author.full for author in citation.authors),
        version=build.version_label,
        permalink=build.site_url,
        doi=citation.doi,
        data_up_to=data_up_to(campaigns),
        commit=build.commit,
        date=build.date,
        license=citation.license,
        data_license=DATA_LICENSE,
        data_license_url=DATA_LICENSE_URL,
        sentence=sentence(*arguments),
        bibtex=bibtex(*arguments),
        references=citation.references,
    )


def write_figure(root: Path, figure: Figure) -> None:
    """Write what the browser loads for a figure, and its two still pictures, into the docs."""
    name = figure.figure_id
    from pipeline.report.figures.static_image import static_picture  # matplotlib is slow to import

    wide, narrow = static_picture(figure), static_picture(figure, narrow=True)
    base = {
        "data": figure.data,
        "layout": figure.layout,
        "narrow": figure.narrow,
        "narrow_trace": figure.narrow_trace,
        "places": [wide.places, narrow.places],
    }
    folder = write_script(root, name, base).parent
    if is_split(figure):
        for index, variant in enumerate(figure.variants.values()):
            write_script(root, f"{name}.v{index}", variant)
    elif figure.variants:
        write_script(root, f"{name}.variants", figure.variants)
    (folder / f"{name}.svg").write_bytes(wide.svg)
    (folder / f"{name}-narrow.svg").write_bytes(narrow.svg)


def write_figures(root: Path, figures: Sequence[Figure], jobs: int = 1) -> None:
    """Write all figures, several at a time: drawing the still pictures takes long.

    Raises
    ------
    Exception
        Whatever drawing one of them raises.
    """
    from pipeline.report.figures import static_image  # noqa: F401  # matplotlib: once, for all forks

    with open_pool(Workers(jobs), root) as pool:
        for _, outcome in pool.stream(_write_figure, [(root, figure) for figure in figures]):
            if isinstance(outcome, BaseException):
                raise outcome


def _write_figure(task: tuple[Path, Figure]) -> None:
    write_figure(*task)


def _write_preview(folder: Path, campaigns: Sequence[Results], first: Page, cite: Cite) -> None:
    """The picture that other sites show beside a link, with the answer of the first campaign."""
    from pipeline.report.figures.preview import preview_png  # matplotlib is slow to import

    site, _, subtitle = cite.title.partition(": ")
    ordered = observed_first(campaigns)
    headline = headline_of(ordered[0]) if ordered else ""
    figure = first.figures[0] if first.figures else None
    content = preview_png(one_line(site), one_line(headline or subtitle or site), figure)
    (folder / PREVIEW).write_bytes(content)


def _pages_by_hand(source: Path) -> list[tuple[str, str]]:
    """Title, from its first heading, and file of every page under site_src."""
    found = []
    for file in sorted((source / "site_src").glob("*.md")):
        lines = file.read_text(encoding="utf-8").splitlines()
        heading = next((line for line in lines if line.startswith("# ")), f"# {file.stem}")
        found.append((heading.removeprefix("# ").strip(), file.name))
    return found


def _footer(build: BuildInfo) -> str:
    """Version, and commit if it is known."""
    commit = f", commit {build.commit[:10]}" if build.commit else ""
    return f"Version {build.version_label}{commit}"


def _write_site_json(
    folder: Path,
    pages: Sequence[Page],
    by_hand: Sequence[tuple[str, str]],
    build: BuildInfo,
    head: Mapping[str, Any],
) -> None:
    """What site_src/hooks.py hands to mkdocs."""
    entries = []
    for page in (page for page in pages if page.in_nav):
        entries.append((page.tab, page.title, page.file))
    entries += [(BY_HAND_PARTS.get(file, DEVELOPERS), title, file) for title, file in by_hand]
    files = {f"{page.name}.html" for page in pages}
    files |= {file.replace(".md", ".html") for _, file in by_hand}
    document = {
        "redirects": redirects(files),
        "nav": navigation(entries),
        "site_name": escape(build.citation.title.partition(":")[0]),  # the theme prints it as it is
        "description": pages[0].description,
        "footer": escape(_footer(build)),
        "version": build.version_label,
        **head,  # what overrides/main.html and its cite box print
    }
    (folder / "site.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
