"""From a star or an exposure to the same one of the other kind: simulated of observed, and back."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from markupsafe import Markup

from pipeline.report.pages.detail import ROOT, DetailPage, Step, star_path
from pipeline.report.rows import exposure_label, exposure_links
from pipeline.schema.results import Results

# Of a page that is about one kind of data, the nearest one that has the other kind.
NEAREST = {
    "record": "channels",
    "channels": "record",
    "study": "recovery",
    "recovery": "study",
    "spectra": "stars",
}


def counterparts_of(names: Collection[str]) -> dict[str, str]:
    """File of the nearest page of the other kind for pages that are about one kind, by their names."""
    return {page: f"{near}.html" for page, near in NEAREST.items() if near in names}


def other_of(results: Results, campaigns: Sequence[Results]) -> Results | None:
    """The first campaign of the same field that is observed if this one is simulated, or the reverse."""
    return next(
        (
            one
            for one in campaigns
            if one.field_name == results.field_name and one.simulated != results.simulated
        ),
        None,
    )


def with_counterparts(
    pages: Sequence[DetailPage], results: Results, campaigns: Sequence[Results]
) -> list[DetailPage]:
    """The pages of a campaign, each with a link to its counterpart; to the index where there is none."""
    other = other_of(results, campaigns)
    if other is None:
        return list(pages)
    stars, exposures = _stars(other), _Exposures(other)
    found = []
    for page in pages:
        if page.template == "star":
            step = stars.get(page.title) or _index(other, "stars")
        else:
            step = exposures.nearest(page.title) or _index(other, "exposures")
        found.append(replace(page, counterpart=step))
    return found


def _index(other: Results, name: str) -> Step:
    query = "?campaign=simulated" if other.simulated else ""
    return Step(f"all {name}", Markup(f"{ROOT}{name}.html{query}"))


def _stars(other: Results) -> dict[str, Step]:
    """By title: star numbers of one field name the same stars."""
    table = other.tables.get("catalogue")
    ids = [] if table is None else [int(star) for star in table["star_id"]]
    return {
        f"Star {star}": Step(f"Star {star}", Markup(ROOT + star_path(other, star))) for star in ids
    }


class _Exposures:
    """The exposures of the other campaign by night and mode."""

    def __init__(self, other: Results) -> None:
        table = other.tables.get("exposures")
        self._known: dict[tuple[str, str], Step] = {}
        if table is None:
            return
        links = exposure_links(other)
        for row in table:
            key = str(row["night"]), str(row["mode"])
            href = Markup(ROOT) + links[str(row["exposure_id"])]
            self._known.setdefault(key, Step(exposure_label(row), href))

    def nearest(self, label: str) -> Step | None:
        """That of the nearest night, in the same mode where the mode was used at all."""
        night, _, mode = label.partition(" ")
        same = [key for key in self._known if key[1] == mode] or list(self._known)
        dated = [key for key in same if key[0]]
        if not (night and dated):
            return None
        day = date.fromisoformat(night).toordinal()
        best = min(dated, key=lambda key: (abs(date.fromisoformat(key[0]).toordinal() - day), key))
        return self._known[best]
