"""The page Explore: any pair of stars of any campaign, in linked views drawn by the browser."""

from dataclasses import dataclass
from typing import Any

from pipeline.report.downloads.explore_fluxes import can_be_explored, source_table
from pipeline.report.figures.base import compact_json
from pipeline.report.pages.base import FigureView, Link, PageInputs, PageNumbering, PageType
from pipeline.report.pages.pairs import headline_figure
from pipeline.report.rows import headline_pairs
from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.schema.results import Results

# In the order in which they need each other; explore.js is last.
SCRIPTS = (
    *("explore-stats", "explore-data", "explore-svg", "explore-timeline", "explore-field"),
    *("explore-pairs", "explore-spectra", "explore-files", "explore"),
)
BINARY = ".fits.gz"  # every table has such a file


@dataclass(frozen=True)
class ExploreOf:
    """What the page offers of one campaign."""

    results: Results
    label: str  # in the switch of campaigns
    twin: FigureView | None  # what is seen without script; None: no pair is a headline
    files: tuple[Link, ...]  # the fluxes behind it
    exposures: tuple[Link, ...]


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Every campaign with fluxes of single exposures, observed ones first."""
    able = sorted(filter(can_be_explored, inputs.campaigns), key=lambda one: one.simulated)
    if not able:
        return None
    return {
        "shown": [_explore_of(one, numbering) for one in able],
        "files": compact_json({one.name: _files(one, numbering) for one in able}),
        "scripts": SCRIPTS,
    }


def _files(results: Results, numbering: PageNumbering) -> dict[str, Any]:
    """The files that the Python script reads, and the limit of what counts as an outlier."""
    of_table = {
        what: [str(link.href) for link in numbering.links(results.name, table)]
        for what, table in (("fluxes", source_table(results)), ("exposures", "exposures"))
    }
    chosen = {
        what: next((href for href in hrefs if href.endswith(BINARY)), hrefs[0] if hrefs else "")
        for what, hrefs in of_table.items()
    }
    return {**chosen, "bad": BAD_PROBABILITY}


def _explore_of(results: Results, numbering: PageNumbering) -> ExploreOf:
    kind = "Simulated" if results.simulated else "Observed"
    return ExploreOf(
        results,
        f"{kind}: {results.title}",
        _twin(results, numbering),
        numbering.links(results.name, source_table(results)),
        numbering.links(results.name, "exposures"),
    )


def _twin(results: Results, numbering: PageNumbering) -> FigureView | None:
    """The still picture of the headline pairs, which is that of the page on bright pairs."""
    if "timelines" not in results.tables or not headline_pairs(results):
        return None
    return numbering.figure(headline_figure(results), results.name)


PAGE = PageType(
    name="explore",
    title="Explore",
    tab="",
    position=2,
    description="Choose two stars and see the ratio of their fluxes, exposure by exposure.",
    guide="Any pair of stars: its ratio, its scatter, its spectra, its numbers.",
    context=context,
)
